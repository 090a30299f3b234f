package policy

// Rule is one rule as the file writes it.
type Rule struct {
	ID       string `yaml:"id" json:"id"`
	Effect   string `yaml:"effect" json:"effect"`     // refuse, withhold, allow, duty
	Enforcer string `yaml:"enforcer" json:"enforcer"` // origin, gateway, destination
	Says     string `yaml:"says" json:"says"`         // the rule in plain words
}
