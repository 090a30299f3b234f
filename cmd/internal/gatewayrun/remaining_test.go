package gatewayrun_test

import (
	"testing"

	"example.org/trm/cmd/internal/gatewayrun"
	"example.org/trm/gateway/trust"
)

func TestOperatorsSeeHowLongTheDirectoryIsStillGood(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *gatewayrun.Config) { c.Operators = "127.0.0.1:0" })
	w.sign(w.dir, func(d *trust.Document) { d.Expires = morning.AddDate(0, 0, 5) })
	w.start()
	w.metrics("trm_gateway_directory_remaining_seconds 432000")
	w.at(morning.AddDate(0, 0, 4))
	w.metrics("trm_gateway_directory_remaining_seconds 86400")
	w.at(morning.AddDate(0, 0, 6))
	w.metrics("trm_gateway_directory_remaining_seconds 0")
}
