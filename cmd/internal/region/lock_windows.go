package region

// lock does nothing: the second region fails on the files that the first has open.
func lock(string) (release func(), err error) { return func() {}, nil }
