package main

import "os"

// notifyHangup does nothing: Windows has no such signal. The directory is read again when
// its file changes.
func notifyHangup(chan<- os.Signal) {}
