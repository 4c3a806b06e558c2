//! Which addresses of the network may be connected to. Lists are published for everybody: whoever names a host whose
//! address is not public means a machine of ours, not a publisher.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are nobody's public address (RFC 6890 and the registry that it began): first address, bits.
const SPECIAL_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // this network
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // shared by carriers behind NAT
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link-local, and the metadata services of clouds
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocols
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved, and broadcast
];

/// Networks inside 2000::/3, the global unicast space, that are not global all the same: first address, bits.
const SPECIAL_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocols: Teredo, ORCHID, benchmarks
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4: any IPv4 address inside
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation
];

/// Whether the address is a public one. Of IPv6 only global unicast is: everything that wraps an IPv4 address is refused,
/// but for 64:ff9b::/96 (RFC 6052), by which networks without IPv4 reach the rest; there the wrapped address counts.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match address.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                let [.., a, b, c, d] = address.octets();
                is_public_v4(Ipv4Addr::new(a, b, c, d))
            }
            [first, ..] => {
                let bits = u128::from(address);
                let special = |(network, length): &(Ipv6Addr, u32)| {
                    (bits ^ u128::from(*network)) >> (128 - length) == 0
                };
                first >> 13 == 0b001 && !SPECIAL_V6.iter().any(special)
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = u32::from(address);
    let special = |(network, length): &(Ipv4Addr, u32)| (bits ^ u32::from(*network)) >> (32 - length) == 0;
    !SPECIAL_V4.iter().any(special)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_addresses_end_where_the_special_networks_begin() {
        // The last address before each network, its first, its last, the first behind it.
        for (before, first, last, behind) in [
            ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
            ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
            ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
            ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
            ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
            ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
            ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
            ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
            ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
            ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
            ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
            ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
            ("2000:ffff::", "2001::", "2001:1ff:ffff::", "2001:200::"),
            ("2001:db7:ffff::", "2001:db8::", "2001:db8:ffff::", "2001:db9::"),
            ("2001:ffff::", "2002::", "2002:ffff::", "2003::"),
            ("3ffe:ffff::", "3fff::", "3fff:fff::", "3fff:1000::"),
        ] {
            let is_public = |text: &str| is_public(text.parse().unwrap());
            assert!(is_public(before), "{before}");
            assert!(!is_public(first), "{first}");
            assert!(!is_public(last), "{last}");
            assert!(is_public(behind), "{behind}");
        }
    }

    #[test]
    fn what_is_no_global_unicast_is_refused_in_every_spelling() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "169.254.169.254",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::10.0.0.1",       // compatible with IPv4
            "::8.8.8.8",        // and the public ones too: nothing is published there
            "::ffff:127.0.0.1", // mapped
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1", // translated
            "64:ff9b::10.0.0.1", // NAT64 of a private address
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::8.8.8.8", // NAT64 of a local network
            "100::1",             // discard
            "1fff:ffff::",
            "4000::",
            "5f00::1",
            "fc00::1", // unique local
            "fd12:3456::1",
            "fe80::1", // link-local
            "fec0::1", // site-local
            "ff02::1", // multicast
        ] {
            assert!(!is_public(text.parse().unwrap()), "{text}");
        }
        for text in [
            "1.1.1.1",
            "223.255.255.255",
            "2400:cb00::1",
            "2a00:1450::1",
            "64:ff9b::8.8.8.8",
        ] {
            assert!(is_public(text.parse().unwrap()), "{text}");
        }
    }
}
