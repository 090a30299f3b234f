package api

import "example.org/trm/gateway"

// Routes lists every route of the door as "METHOD template".
func Routes() []string {
	var list []string
	for _, r := range new(door).routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}

// Forgotten reports whether a route that forgets to say who may call it admits the party.
func Forgotten(p gateway.Party) bool { return route{}.who.admits(p) }
