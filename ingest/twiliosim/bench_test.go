package twiliosim

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// discard is a ResponseWriter for benchmarks: a recorder would grow a buffer.
type discard struct {
	header http.Header
	bytes  int64
}

func (d *discard) Header() http.Header { return d.header }
func (d *discard) WriteHeader(int)     {}
func (d *discard) Write(b []byte) (int, error) {
	d.bytes += int64(len(b))
	return len(b), nil
}

func BenchmarkPage(b *testing.B) {
	s, err := New(World{Seed: 1, Subaccounts: 3, Records: 2_000_000}, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for _, resource := range []string{"Calls", "Messages", "Recordings", "Transcriptions"} {
		for _, encoding := range []string{"identity", "gzip"} {
			b.Run(resource+"/"+encoding, func(b *testing.B) {
				var sid string
				rows := int64(-1)
				for _, a := range s.Accounts() {
					if n := s.Count(a.SID, resource, time.Unix(0, 0), s.world.To); n > rows {
						sid, rows = a.SID, n
					}
				}
				if rows < 1000 {
					b.Fatalf("the largest account has %d rows, want a full page", rows)
				}
				r := httptest.NewRequest("GET", "/2010-04-01/Accounts/"+sid+"/"+resource+".json?PageSize=1000", nil)
				r.SetBasicAuth(s.MainSID(), s.AuthToken())
				r.Header.Set("Accept-Encoding", encoding)
				w := &discard{header: http.Header{}}
				for b.Loop() {
					s.ServeHTTP(w, r)
				}
				b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "rows/s")
				b.ReportMetric(float64(w.bytes)/float64(b.N)/1000, "bytes/row")
			})
		}
	}
}
