package warehouse

import (
	"context"
	"fmt"
	"time"
)

// Checkpoint records that a window was pulled in full.
type Checkpoint struct {
	Window
	Digest
	PulledAt time.Time
	Pending  uint64 // records in it that may still change: in progress, or without a price
}

// InsertCheckpoints writes checkpoints; the later sync wins for a window.
func (db *DB) InsertCheckpoints(ctx context.Context, list []Checkpoint, sync uint32) error {
	if len(list) == 0 {
		return nil
	}
	n := len(list)
	accounts, resources := make([]string, n), make([]string, n)
	days, pulled := make([]time.Time, n), make([]time.Time, n)
	records, hashes, pending := make([]uint64, n), make([]uint64, n), make([]uint64, n)
	syncs := make([]uint32, n)
	for i, c := range list {
		accounts[i], resources[i], days[i] = c.Account, c.Resource, c.Day
		records[i], hashes[i], pulled[i], pending[i] = c.Records, c.SIDHash, c.PulledAt, c.Pending
		syncs[i] = sync
	}
	err := db.insert(ctx, "INSERT INTO windows (account, resource, day, pulled_at, records, sid_hash, pending, sync)",
		accounts, resources, days, pulled, records, hashes, pending, syncs)
	if err != nil {
		return fmt.Errorf("write %d checkpoints: %w", n, err)
	}
	return nil
}

// Checkpoints answers the checkpoints of the UTC days [from, to), by window.
func (db *DB) Checkpoints(ctx context.Context, from, to time.Time) (map[Window]Checkpoint, error) {
	rows, err := db.query(ctx, `SELECT account, resource, day, pulled_at, records, sid_hash, pending
		FROM windows FINAL WHERE day >= toDate(?) AND day < toDate(?)`, from.Format(time.DateOnly), to.Format(time.DateOnly))
	if err != nil {
		return nil, fmt.Errorf("read checkpoints: %w", err)
	}
	defer rows.Close()
	out := map[Window]Checkpoint{}
	for rows.Next() {
		var c Checkpoint
		if err := rows.Scan(&c.Account, &c.Resource, &c.Day, &c.PulledAt, &c.Records, &c.SIDHash, &c.Pending); err != nil {
			return nil, fmt.Errorf("read checkpoints: %w", err)
		}
		c.Day = calendar(c.Day)
		out[c.Window] = c
	}
	return out, db.rowsErr("read checkpoints", rows)
}

// NextSync numbers a new sync, one above every sync before it. Only one sync
// may run at a time on a warehouse.
func (db *DB) NextSync(ctx context.Context, asOf time.Time) (uint32, error) {
	var last uint32
	if err := db.queryRow(ctx, "SELECT max(seq) FROM syncs", &last); err != nil {
		return 0, fmt.Errorf("number the sync: %w", err)
	}
	if err := db.insert(ctx, "INSERT INTO syncs (seq, as_of)", []uint32{last + 1}, []time.Time{asOf.UTC()}); err != nil {
		return 0, fmt.Errorf("number the sync: %w", err)
	}
	return last + 1, nil
}

// Account is the main account or a subaccount, as last seen.
type Account struct {
	SID, OwnerSID, Name, Status string
	Created, Updated            time.Time
}

// InsertAccounts writes the account list as a sync saw it.
func (db *DB) InsertAccounts(ctx context.Context, list []Account, sync uint32) error {
	n := len(list)
	sids, owners, names, statuses := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	created, updated := make([]time.Time, n), make([]time.Time, n)
	syncs := make([]uint32, n)
	for i, a := range list {
		sids[i], owners[i], names[i], statuses[i] = a.SID, a.OwnerSID, a.Name, a.Status
		created[i], updated[i] = a.Created, a.Updated
		syncs[i] = sync
	}
	err := db.insert(ctx, "INSERT INTO accounts (sid, owner_sid, name, status, created_at, updated_at, sync)",
		sids, owners, names, statuses, created, updated, syncs)
	if err != nil {
		return fmt.Errorf("write %d accounts: %w", n, err)
	}
	return nil
}

// Accounts lists every account ever seen, ordered by sid.
func (db *DB) Accounts(ctx context.Context) ([]Account, error) {
	rows, err := db.query(ctx, "SELECT sid, owner_sid, name, status, created_at, updated_at FROM accounts FINAL ORDER BY sid")
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	defer rows.Close()
	var out []Account
	for rows.Next() {
		var a Account
		if err := rows.Scan(&a.SID, &a.OwnerSID, &a.Name, &a.Status, &a.Created, &a.Updated); err != nil {
			return nil, fmt.Errorf("read accounts: %w", err)
		}
		out = append(out, a)
	}
	return out, db.rowsErr("read accounts", rows)
}
