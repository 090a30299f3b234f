package api

// Routes lists every route of the door as "METHOD template".
func Routes() []string {
	var list []string
	for _, r := range new(door).routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}
