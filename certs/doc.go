// Package certs makes, loads and checks keys and certificates.
//
// [Develop] makes a whole development region: seven countries, their parties, the
// gateway, directory number 1. Everything it makes says TEST KEY. [Load] gives a process
// its own keys, [Check] tells everything that is wrong with a folder of them.
package certs
