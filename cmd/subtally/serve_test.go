package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"subtally/internal/config"
)

// logBuffer collects a log that several goroutines write.
type logBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// nights runs serve for some days of a clock that takes no time, with a job
// that lasts as long as told, and answers when it began.
func nights(t *testing.T, s config.Schedule, days int, lasts func(night int) time.Duration) (begun []time.Time, log string) {
	t.Helper()
	var out logBuffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(days)*24*time.Hour)
		defer cancel()
		err := serve(ctx, s, slog.New(slog.NewTextHandler(&out, nil)), func(ctx context.Context) error {
			begun = append(begun, time.Now())
			select {
			case <-time.After(lasts(len(begun))):
				return nil
			case <-ctx.Done():
				time.Sleep(time.Minute) // to put things away
				return ctx.Err()
			}
		})
		if err != nil {
			t.Error(err)
		}
		log = out.String()
	})
	return begun, log
}

func TestServeKeepsTheSchedule(t *testing.T) {
	// The clock of a bubble begins at midnight UTC on 1 January 2000.
	begun, log := nights(t, config.Schedule{Cron: "15 3 * * *", TimeZone: "America/New_York"}, 3, func(int) time.Duration { return time.Hour })
	if len(begun) != 3 {
		t.Fatalf("the job began %d times in three days: %v", len(begun), begun)
	}
	for _, at := range begun {
		if got := at.UTC().Format("15:04"); got != "08:15" {
			t.Errorf("the job began at %s UTC, want 08:15, which is 03:15 in New York", got)
		}
	}
	if strings.Count(log, "night done") != 3 {
		t.Errorf("log:\n%s", log)
	}
}

func TestServeSkipsWhileOneIsRunning(t *testing.T) {
	// The first night lasts 30 hours, over the second one's bell.
	begun, log := nights(t, config.Schedule{Cron: "0 1 * * *", TimeZone: "UTC"}, 3, func(night int) time.Duration {
		if night == 1 {
			return 30 * time.Hour
		}
		return time.Minute
	})
	if len(begun) != 2 {
		t.Errorf("the job began %d times, want 2: the second night's bell is skipped", len(begun))
	}
	if !strings.Contains(log, "night skipped") {
		t.Errorf("the log does not say that a night was skipped:\n%s", log)
	}
}

func TestServeWaitsForTheJobItStops(t *testing.T) {
	begun, log := nights(t, config.Schedule{Cron: "0 23 * * *", TimeZone: "UTC"}, 1, func(int) time.Duration { return 100 * time.Hour })
	if len(begun) != 1 {
		t.Fatalf("the job began %d times, want once", len(begun))
	}
	if !strings.Contains(log, "night failed") {
		t.Errorf("serve did not wait for the job that it stopped:\n%s", log)
	}
}

func TestServeGoesOnAfterAPanicAndAFailure(t *testing.T) {
	var out logBuffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 3*24*time.Hour)
		defer cancel()
		night := 0
		err := serve(ctx, config.Schedule{Cron: "0 1 * * *", TimeZone: "UTC"}, slog.New(slog.NewTextHandler(&out, nil)), func(context.Context) error {
			night++
			switch night {
			case 1:
				return errors.New("twilio is down")
			case 2:
				panic("a bug")
			}
			return nil
		})
		if err != nil || night != 3 {
			t.Errorf("serve = %v after %d nights, want 3", err, night)
		}
	})
	for _, want := range []string{"twilio is down", "a bug", "night done"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the log does not hold %q:\n%s", want, out.String())
		}
	}
}

func TestServeRefusesABadSchedule(t *testing.T) {
	for _, s := range []config.Schedule{{Cron: "every night", TimeZone: "UTC"}, {Cron: "0 1 * * *", TimeZone: "Mars/Olympus"}} {
		if err := serve(t.Context(), s, slog.New(slog.DiscardHandler), nil); err == nil || !strings.Contains(err.Error(), "schedule") {
			t.Errorf("serve with %+v = %v", s, err)
		}
	}
}
