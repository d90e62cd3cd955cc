package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"

	"subtally/ingest/twiliosim"
)

// The world of the demo, which is also simulate's default: two full months in
// every time zone, and the clock when all of it has settled.
const (
	worldSeed        = 1
	worldSubaccounts = 28
	worldRecords     = 90_000
	worldFrom        = "2026-09-30"
	worldTo          = "2026-12-03"
	worldNow         = "2026-12-18"
)

func simulateCommand() *cobra.Command {
	var listen, from, to, now string
	var world twiliosim.World
	var faults twiliosim.Faults
	var differences []string
	c := &cobra.Command{
		Use:   "simulate",
		Short: "Serve a stand-in for Twilio's REST API, with a world made from a seed",
		Long: `Serve a stand-in for Twilio's REST API until Ctrl-C. The same flags make the
same world, to the last record. The first lines on standard output say what to
put into twilio.base_url and the environment; the credentials are those of
TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN where these are set.

The world's clock stands still at --now. PUT /simulate/clock with a time such as
2026-10-05T02:00:00Z sets it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			var options twiliosim.Options
			for _, flag := range []struct {
				name, value string
				to          *time.Time
			}{{"--from", from, &world.From}, {"--to", to, &world.To}, {"--now", now, &options.Now}} {
				d, err := dateFlag(flag.name, flag.value)
				if err != nil {
					return err
				}
				*flag.to = d.Start(time.UTC)
			}
			world.MainSID, world.AuthToken = os.Getenv("TWILIO_ACCOUNT_SID"), os.Getenv("TWILIO_AUTH_TOKEN")
			options.Faults = faults
			for _, text := range differences {
				d, err := twiliosim.ParseDifference(text)
				if err != nil {
					return usageError{fmt.Errorf("--usage-difference: %w", err)}
				}
				options.Differences = append(options.Differences, d)
			}
			sim, err := twiliosim.New(world, options)
			if err != nil {
				return usageError{err}
			}
			url, wait, err := serveWorld(c.Context(), sim, listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "# twilio.base_url: %s\nexport TWILIO_ACCOUNT_SID=%s\nexport TWILIO_AUTH_TOKEN=%s\n", url, sim.MainSID(), sim.AuthToken())
			return wait()
		},
	}
	flags := c.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:8787", "address to serve on")
	flags.Uint64Var(&world.Seed, "seed", worldSeed, "the world's seed")
	flags.IntVar(&world.Subaccounts, "subaccounts", worldSubaccounts, "subaccounts, 3 to 10000")
	flags.Int64Var(&world.Records, "records", worldRecords, "usage records, about; up to 10000000")
	flags.StringVar(&from, "from", worldFrom, "first UTC day with usage")
	flags.StringVar(&to, "to", worldTo, "first UTC day without usage")
	flags.StringVar(&now, "now", worldNow, "the world's clock, a UTC day")
	flags.Float64Var(&faults.Rate429, "rate-429", 0, "share of requests refused with 429, 0 to 1")
	flags.DurationVar(&faults.RetryAfter, "retry-after", time.Second, "Retry-After of those refusals")
	flags.StringArrayVar(&differences, "usage-difference", nil,
		"ACCOUNT:CATEGORY:DAY:RECORDS:COST to add to Usage Records only, such as AC...:calls:2026-10-15:+3:+0.12; may be repeated")
	return c
}

// serveWorld serves a stand-in until ctx ends. It answers the address at once;
// wait waits for the end.
func serveWorld(ctx context.Context, sim http.Handler, listen string) (url string, wait func() error, err error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return "", nil, fmt.Errorf("serve the stand-in: %w", err)
	}
	server := &http.Server{Handler: sim, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	stop := context.AfterFunc(ctx, func() { server.Close() })
	return "http://" + l.Addr().String(), func() error {
		err := <-ended
		stop()
		if errors.Is(err, http.ErrServerClosed) {
			return nil
		}
		return err
	}, nil
}
