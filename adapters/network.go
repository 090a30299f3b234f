package adapters

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"syscall"
)

// NetworkCause is what an operator may read of an error of http.Client. The error itself
// names the address, which can name a message, and quotes an answer that is no HTTP, which
// can hold whatever was sent.
func NetworkCause(err error) error {
	if err == nil {
		return nil
	}
	var (
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		name        *net.DNSError
		op          *net.OpError
		errno       syscall.Errno
	)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return context.DeadlineExceeded
	case errors.As(err, &certificate):
		return certificate.Err
	case errors.As(err, &record):
		return errors.New("the other side does not speak TLS")
	case errors.As(err, &alert):
		return alert
	case errors.As(err, &name):
		return errors.New("the name cannot be looked up")
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &op) && op.Op == "dial":
		return errors.New("cannot connect")
	}
	return errors.New("the connection ended without a valid answer")
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
