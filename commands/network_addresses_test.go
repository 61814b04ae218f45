package commands

import (
	"net/netip"
	"testing"

	nettypes "github.com/containers/common/libnetwork/types"
)

func addressed(subnets, ranges, gateways []string) (*nettypes.Network, error) {
	wanted := &nettypes.Network{IPAMOptions: map[string]string{}}
	return wanted, setAddresses(wanted, &networkCreateOptions{ipv4: true, subnets: subnets, ranges: ranges, gateways: gateways})
}

func TestSetRange(t *testing.T) {
	for _, test := range [][4]string{
		{"10.1.0.0/24", "10.1.0.128/25", "10.1.0.128", "10.1.0.254"}, // not the broadcast address
		{"10.1.0.0/24", "10.1.0.0/25", "10.1.0.1", "10.1.0.127"},     // not the subnet's own
		{"10.1.0.0/24", "10.1.0.64/26", "10.1.0.64", "10.1.0.127"},
		{"10.1.0.0/24", "10.1.0.0/24", "10.1.0.1", "10.1.0.254"},
		{"10.1.0.0/24", "10.1.0.77/32", "10.1.0.77", "10.1.0.77"},
		{"10.1.0.0/24", "10.1.0.77/26", "10.1.0.64", "10.1.0.127"}, // the address counts for its range
		{"fd00::/64", "fd00::ff00/120", "fd00::ff00", "fd00::ffff"},
	} {
		n, err := addressed([]string{test[0]}, []string{test[1]}, nil)
		if err != nil {
			t.Fatalf("%s in %s: %v", test[1], test[0], err)
		}
		if r := n.Subnets[0].LeaseRange; r.StartIP.String() != test[2] || r.EndIP.String() != test[3] {
			t.Errorf("%s in %s is %s to %s, want %s to %s", test[1], test[0], r.StartIP, r.EndIP, test[2], test[3])
		}
	}
}

// FuzzSetAddresses looks for a panic, and for addresses outside of their subnet.
func FuzzSetAddresses(f *testing.F) {
	f.Add("10.1.0.0/24", "10.1.0.128/25", "10.1.0.1")
	f.Add("fd00::/64", "fd00::/128", "fd00::1%eth0")
	f.Add("0.0.0.0/0", "0.0.0.0/0", "255.255.255.255")
	f.Add("::/0", "::/0", "::ffff:1.2.3.4")
	f.Add("10.0.0.0/32", "10.0.0.0/32", "10.0.0.0")
	f.Fuzz(func(t *testing.T, subnet, part, gateway string) {
		n, err := addressed([]string{subnet}, []string{part}, []string{gateway})
		if err != nil {
			return
		}
		within := netip.MustParsePrefix(subnet)
		r := n.Subnets[0].LeaseRange
		for what, ip := range map[string][]byte{"start": r.StartIP, "end": r.EndIP, "gateway": n.Subnets[0].Gateway} {
			if a := addr(ip); !within.Contains(a) {
				t.Errorf("%s %s is not in %s", what, a, subnet)
			}
		}
		if addr(r.EndIP).Less(addr(r.StartIP)) {
			t.Errorf("the range of %s ends before it begins: %s to %s", part, r.StartIP, r.EndIP)
		}
	})
}
