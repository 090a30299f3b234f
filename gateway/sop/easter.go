package sop

import "time"

// WesternEaster is Easter Sunday as the Catholic church keeps it: the Sunday after the
// first full moon of spring, both by the tables of the Gregorian reform. Valid for every
// Gregorian year.
func WesternEaster(year int) Date {
	// The moon's age is corrected once in a century for the leap days that the reform
	// left out, and for the drift of the nineteen-year cycle.
	century := year / 100
	golden := year % 19
	epact := (19*golden + century - century/4 - (8*century+13)/25 + 15) % 30
	// The tables move two full moons by a day, so that all nineteen differ.
	if epact == 29 || epact == 28 && golden > 10 {
		epact--
	}
	return sundayAfter(Date{year, time.March, 21}.Add(epact))
}

// OrthodoxEaster is Easter Sunday as the Orthodox churches keep it, in the Gregorian
// calendar: the same rule, with the moon and the spring of the Julian calendar. Valid
// from 1900 to 2099, while the two calendars are thirteen days apart.
func OrthodoxEaster(year int) Date {
	const apart = 13
	epact := (19*(year%19) + 15) % 30
	return sundayAfter(Date{year, time.March, 21}.Add(apart + epact))
}

// sundayAfter is the first Sunday after a day, never the day itself.
func sundayAfter(d Date) Date { return d.Add(7 - int(d.Weekday())) }
