package store

import (
	"encoding/binary"
	"hash/crc64"

	tarsplit "github.com/vbatts/tar-split/tar/storage"
)

// updateSum does what crc64.Update does for the checksums of tar-split files,
// at three times the speed. Their polynomial is short (x⁶⁴+x⁴+x³+x+1, bit 63 of
// a sum being x⁰), so that a sum is multiplied by x⁶⁴ with a few shifts instead
// of tables, and by x²⁵⁶ with as few, because (x⁴+x³+x+1)⁴ = x¹⁶+x¹²+x⁴+1: four
// sums, each of every fourth word, do not wait for each other.
func updateSum(sum uint64, p []byte) uint64 {
	const block = 32
	if len(p) >= 2*block {
		a := ^sum ^ binary.LittleEndian.Uint64(p)
		b := binary.LittleEndian.Uint64(p[8:])
		c := binary.LittleEndian.Uint64(p[16:])
		d := binary.LittleEndian.Uint64(p[24:])
		for p = p[block:]; len(p) >= block; p = p[block:] {
			words := p[:block:block]
			a = timesX256(a) ^ binary.LittleEndian.Uint64(words)
			b = timesX256(b) ^ binary.LittleEndian.Uint64(words[8:])
			c = timesX256(c) ^ binary.LittleEndian.Uint64(words[16:])
			d = timesX256(d) ^ binary.LittleEndian.Uint64(words[24:])
		}
		sum = ^timesX64(timesX64(timesX64(timesX64(a)^b)^c) ^ d)
	}
	return crc64.Update(sum, tarsplit.CRCTable, p)
}

func timesX64(v uint64) uint64 {
	over := v<<63 ^ v<<61 ^ v<<60 // times x⁶⁴
	return v ^ v>>1 ^ v>>3 ^ v>>4 ^ over ^ over>>1 ^ over>>3 ^ over>>4
}

func timesX256(v uint64) uint64 {
	over := v<<60 ^ v<<52 ^ v<<48
	return v ^ v>>4 ^ v>>12 ^ v>>16 ^ over ^ over>>1 ^ over>>3 ^ over>>4
}
