// Package certs makes, loads and checks keys and certificates.
//
// [Develop] makes a whole development region in a folder: seven countries, their
// parties, SELEC, the gateway, an authority for each, and directory number 1 under four
// hands. Everything in it says TEST KEY, and it is never written over. [Load] gives a
// process a party's own keys, [Part] is what one office's process gets of a region,
// [Renew] replaces what runs out, and [Check] tells everything that is wrong with a
// folder.
//
// What each key is for, who holds it and what a leak costs is a table in README.md beside
// this file. Certificates here carry keys to where certificates are expected (JAdES,
// TLS); whom anybody believes is what the directory says, by thumbprint.
package certs
