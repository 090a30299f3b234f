// Package queue is what is waiting: Redis Streams between the gateway and each country.
//
// Redis is trusted with what is waiting, never with what happened: losing all of it
// loses time and nothing else. The gateway's dispatcher alone writes and deletes
// deliveries; a country's adapter takes and acknowledges them, and appends evidence; the
// gateway answers with signed acknowledgements.
//
//	trm:{rs}:deliveries   fields id, d, tp   gateway → adapter, order kept within a thread
//	trm:{rs}:urgent       fields id, d, tp   gateway → adapter, may overtake
//	trm:{rs}:evidence     fields jws, tp     adapter → gateway
//	trm:{rs}:acks         fields ack, tp     gateway → adapter, the newest few thousand
//
// id is the delivery's id, d the wrapped delivery (a compact JWE), jws and ack signed
// evidence, tp a W3C traceparent. The braces keep a country's streams in one slot of a
// Redis Cluster.
package queue

import "example.org/trm/gateway"

// The names of a country's streams.
func deliveries(c gateway.Country) string { return "trm:{" + string(c) + "}:deliveries" }
func urgent(c gateway.Country) string     { return "trm:{" + string(c) + "}:urgent" }
func evidence(c gateway.Country) string   { return "trm:{" + string(c) + "}:evidence" }
func acks(c gateway.Country) string       { return "trm:{" + string(c) + "}:acks" }
