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

// GatewayACL returns the rules of the gateway's user, in the form of [ACL]: it places,
// compares and removes deliveries, hands them to adapters that ask over HTTPS, takes
// evidence, appends acknowledgements, reads settings, and has the append-only file written
// anew after a purge, for every country and on no other key. It may delete no stream and change no setting: what it cannot do, nobody who
// has its password can.
func GatewayACL() []string {
	var placed, told, answered string
	for _, c := range gateway.Countries {
		placed += " ~" + deliveries(c) + " ~" + urgent(c)
		told += " ~" + evidence(c)
		answered += " %W~" + acks(c)
	}
	return []string{
		"reset", "-@all", "+hello", "+auth", "+ping", "+client|setname", "+multi", "+exec", "+config|get", "+bgrewriteaof",
		"(+xadd +xrange +eval +xdel +xack +xreadgroup +xclaim +xautoclaim +xpending +xgroup|create" + placed + ")",
		"(+xreadgroup +xack +xdel +xtrim +xclaim +xautoclaim +xpending +xgroup|create" + told + ")",
		"(+xadd" + answered + ")",
	}
}
