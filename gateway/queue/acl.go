package queue

import "example.org/trm/gateway"

// ACL returns the rules of a country's user for ACL SETUSER, to which the operator adds
// "on" and a password: it takes and acknowledges its own deliveries, appends its own
// evidence and reads its own acknowledgements, and nothing else. A group may be created,
// because after a loss of all data the adapter may be back before the gateway. The parts
// in parentheses are selectors (Redis 7): each allows its commands on its keys alone.
func ACL(c gateway.Country) []string {
	return []string{
		"reset", "-@all", "+hello", "+auth", "+ping", "+client|setname",
		"(+xreadgroup +xack +xclaim +xautoclaim +xpending +xgroup|create ~" + deliveries(c) + " ~" + urgent(c) + ")",
		"(+xadd %W~" + evidence(c) + ")",
		"(+xread +xrevrange %R~" + acks(c) + ")",
	}
}
