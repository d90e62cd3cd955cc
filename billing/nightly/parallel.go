package nightly

import (
	"context"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// BoundMemory lets the process collect garbage rarely until it comes near 400 MB,
// and often from there on, so that a night of many tenants is quick and stays
// below 512 MB. GOGC and GOMEMLIMIT in the environment go before.
func BoundMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(400 << 20)
	}
}

// inOrder works on 0 to n-1, one more at a time than there are processors, since
// the database works too, and hands each result to done, one at a time and in
// order. It ends with the first error, when all work that was begun has ended.
// Few results wait for their turn, so that memory does not grow with n.
func inOrder[T any](ctx context.Context, n int, work func(ctx context.Context, i int) (T, error), done func(i int, result T) error) error {
	type outcome struct {
		result T
		err    error
	}
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	begun := make(chan chan outcome, runtime.GOMAXPROCS(0)) // in order
	working.Go(func() {
		defer close(begun)
		for i := range n {
			end := make(chan outcome, 1)
			select {
			case begun <- end:
			case <-ctx.Done():
				return
			}
			working.Go(func() {
				result, err := work(ctx, i)
				end <- outcome{result, err}
			})
		}
	})
	i := 0
	for end := range begun {
		o := <-end
		if o.err != nil {
			return o.err
		}
		if err := done(i, o.result); err != nil {
			return err
		}
		i++
	}
	return ctx.Err()
}

// chunkSize is of the pieces in which a writer's output waits for its turn.
const chunkSize = 1 << 18

// concat writes what n writers write, one after the other, though several of
// them work at a time. A writer that is ahead of its turn waits when it has
// written a few chunks, so that memory is bounded however much each writes.
func concat(ctx context.Context, out io.Writer, n int, write func(ctx context.Context, w io.Writer, i int) error) error {
	type piece struct {
		chunks chan []byte
		err    error // when chunks is closed
	}
	ctx, stop := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer stop()
	begun := make(chan *piece, runtime.GOMAXPROCS(0))
	working.Go(func() {
		defer close(begun)
		for i := range n {
			p := &piece{chunks: make(chan []byte, 8)}
			select {
			case begun <- p:
			case <-ctx.Done():
				return
			}
			working.Go(func() {
				defer close(p.chunks)
				w := &chunks{ctx: ctx, to: p.chunks}
				if p.err = write(ctx, w, i); p.err == nil {
					p.err = w.flush()
				}
			})
		}
	})
	for p := range begun {
		for chunk := range p.chunks {
			if _, err := out.Write(chunk); err != nil {
				return err
			}
		}
		if p.err != nil {
			return p.err
		}
	}
	return ctx.Err()
}

// chunks is a writer that hands on what it is given in large pieces.
type chunks struct {
	ctx     context.Context
	to      chan<- []byte
	pending []byte
}

func (c *chunks) Write(data []byte) (int, error) {
	c.pending = append(c.pending, data...)
	if len(c.pending) >= chunkSize {
		return len(data), c.flush()
	}
	return len(data), nil
}

func (c *chunks) flush() error {
	select {
	case c.to <- c.pending:
		c.pending = make([]byte, 0, chunkSize+chunkSize/8)
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}
