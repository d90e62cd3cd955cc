package twilio

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxBody bounds a page: 1000 rows are about 2 MB.
	maxBody = 32 << 20
	// maxErrorBody bounds what is read of an answer that is not a page.
	maxErrorBody = 64 << 10
	// pageTries bounds the requests for a page that comes but cannot be read.
	// A fault on the way is gone the next time, a fault of the page is not.
	pageTries = 3
)

// buffers hold bodies between requests; decoding copies what it keeps.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// decoder turns a body into a page and the address of the next one, which is
// empty at the end.
type decoder[P any] func(uri string, body []byte) (P, string, error)

// fetched is a decoded page and the address of the next.
type fetched[P any] struct {
	page P
	next string
}

// fetch reads and decodes one page, as often as c.retry allows.
func fetch[P any](ctx context.Context, c *Client, l *listing, uri string, decode decoder[P]) (fetched[P], error) {
	buf := buffers.Get().(*bytes.Buffer)
	defer buffers.Put(buf)
	var (
		last         error
		tries, wrong int
		spent        time.Duration
	)
	try := func() (got fetched[P], err error) {
		if err := c.acquire(ctx); err != nil {
			return got, backoff.Permanent(err)
		}
		began := time.Now()
		last = c.request(ctx, l, uri, buf)
		c.release()
		spent += time.Since(began)
		tries++
		if last == nil {
			got.page, got.next, last = decode(uri, buf.Bytes())
		}
		if last == nil {
			return got, nil
		}
		if _, ok := errors.AsType[*PageError](last); ok {
			wrong++
		}
		if !temporary(last) || wrong >= pageTries || spent >= c.retry.MaxElapsed {
			return got, backoff.Permanent(last)
		}
		if answer, ok := errors.AsType[*Error](last); ok && answer.retryAfter > 0 {
			return got, &backoff.RetryAfterError{Duration: min(answer.retryAfter, c.retry.MaxRetryAfter)}
		}
		return got, last
	}
	got, err := backoff.Retry(ctx, try,
		backoff.WithMaxTries(uint(c.retry.MaxTries)),
		backoff.WithMaxElapsedTime(0), // counted in spent, without the time in the queue
		backoff.WithBackOff(fullJitter(c.retry)),
		backoff.WithNotify(func(_ error, wait time.Duration) {
			spent += wait
			c.log.WarnContext(ctx, "twilio request failed, trying again", "resource", string(l.resource),
				"account", l.account, "page", uri, "try", tries, "wait", wait, "error", last)
		}))
	switch {
	case err == nil:
		return got, nil
	case ctx.Err() != nil:
		if last != nil && !errors.Is(last, ctx.Err()) {
			return got, fmt.Errorf("%w (last try: %v)", context.Cause(ctx), last)
		}
		return got, context.Cause(ctx)
	case tries > 1:
		return got, fmt.Errorf("after %d tries: %w", tries, last)
	}
	return got, last
}

// fullJitter waits a random time between nothing and a bound that doubles.
func fullJitter(r Retry) backoff.BackOff {
	// The library spreads evenly over interval*(1 ± factor): with factor 1,
	// over nothing to twice the interval.
	return &backoff.ExponentialBackOff{
		InitialInterval:     r.Base / 2,
		MaxInterval:         r.Max / 2,
		Multiplier:          2,
		RandomizationFactor: 1,
	}
}

// acquire waits for a free slot among the requests in flight.
func (c *Client) acquire(ctx context.Context) error {
	select {
	case c.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *Client) release() { <-c.slots }

// request reads the body at uri into buf.
func (c *Client) request(ctx context.Context, l *listing, uri string, buf *bytes.Buffer) error {
	method, form := http.MethodGet, io.Reader(nil)
	if l.form != nil {
		method, form = http.MethodPost, strings.NewReader(l.form.Encode())
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+uri, form)
	if err != nil {
		return l.pageError(uri, "has an address that is not a URL")
	}
	if l.form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	cred := c.credentials(l.account)
	req.SetBasicAuth(cred.Username, cred.Password)
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "subtally")
	resp, err := c.http.Do(req)
	if err != nil {
		// The url.Error around it repeats the address.
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err
		}
		return &transportError{err}
	}
	defer resp.Body.Close()
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		c.clock.Store(date.Unix())
	}
	buf.Reset()
	if resp.StatusCode != http.StatusOK {
		// What can be read of the explanation is enough.
		_, _ = buf.ReadFrom(io.LimitReader(resp.Body, maxErrorBody))
		return c.answer(l, uri, cred, resp, buf.Bytes())
	}
	n, err := buf.ReadFrom(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return &transportError{fmt.Errorf("page cut short after %d bytes: %w", n, err)}
	}
	if n > maxBody {
		return l.pageError(uri, fmt.Sprintf("is larger than %d MiB", maxBody>>20))
	}
	return nil
}

// answer is the error for a status other than 200.
func (c *Client) answer(l *listing, uri string, cred Credentials, resp *http.Response, body []byte) *Error {
	var said struct {
		Code     text `json:"code"`
		Message  text `json:"message"`
		MoreInfo text `json:"more_info"`
	}
	// A body that is not Twilio's, such as a proxy's HTML, says nothing.
	_ = json.Unmarshal(body, &said)
	code, _ := strconv.Atoi(said.Code.s)
	return &Error{
		Status:     resp.StatusCode,
		Code:       code,
		Message:    clip(cred.redact(said.Message.s)),
		MoreInfo:   clip(cred.redact(said.MoreInfo.s)),
		Account:    l.account,
		URL:        uri,
		hint:       hint(resp.StatusCode, l.account, cred.Username != c.main),
		retryAfter: parseRetryAfter(resp.Header.Get("Retry-After"), time.Now()),
	}
}

// parseRetryAfter reads seconds or an HTTP date; 0 if it asks for no wait.
func parseRetryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(s, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(s); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// transportError is a request that got no whole answer.
type transportError struct{ err error }

func (e *transportError) Error() string { return e.err.Error() }
func (e *transportError) Unwrap() error { return e.err }

// temporary reports whether trying again may help.
func temporary(err error) bool {
	if answer, ok := errors.AsType[*Error](err); ok {
		return answer.temporary()
	}
	if page, ok := errors.AsType[*PageError](err); ok {
		return page.transient
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return false
	}
	_, ok := errors.AsType[*transportError](err)
	return ok
}
