package outgoing

import (
	"regexp"
	"slices"
)

// localID is the form of the random names under which repeated things stand.
var localID = regexp.MustCompile(`^[a-z0-9]{6,12}$`)

// fields lists the members of a block that are filled in, sorted, repeated things under
// "*". Of the governed ones only those that leave are named.
func fields(content map[string]any, governed []string, leaves func(string) bool) []string {
	var out []string
	for _, path := range paths(content) {
		if slices.Contains(governed, path) && !leaves(path) {
			continue
		}
		out = append(out, path)
	}
	return out
}

func paths(m map[string]any) []string {
	repeated := len(m) > 0
	for name, v := range m {
		_, isObject := v.(map[string]any)
		repeated = repeated && isObject && localID.MatchString(name)
	}
	out := []string{}
	for name, v := range m {
		if repeated {
			name = "*"
		}
		inner, isObject := v.(map[string]any)
		if !isObject || len(inner) == 0 {
			out = append(out, name)
			continue
		}
		for _, p := range paths(inner) {
			out = append(out, name+"/"+p)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
