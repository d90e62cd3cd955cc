// Package internal holds no code: its tests hold the whole module to the rules
// that no compiler checks, such as which package may import which.
package internal
