//! The address list as a table, and every way to write a URL that must not be called.

use response_egress::{AddressClass, AddressPolicy, Refusal};

/// First and last address inside; the neighbours below and above where those are public.
const RANGES: &str = "
    0.0.0.0      0.255.255.255    -                1.0.0.0
    10.0.0.0     10.255.255.255   9.255.255.255    11.0.0.0
    100.64.0.0   100.127.255.255  100.63.255.255   100.128.0.0
    127.0.0.0    127.255.255.255  126.255.255.255  128.0.0.0
    168.63.129.16 168.63.129.16   168.63.129.15    168.63.129.17
    169.254.0.0  169.254.255.255  169.253.255.255  169.255.0.0
    172.16.0.0   172.31.255.255   172.15.255.255   172.32.0.0
    192.0.0.0    192.0.0.255      191.255.255.255  192.0.1.0
    192.0.2.0    192.0.2.255      192.0.1.255      192.0.3.0
    192.88.99.0  192.88.99.255    192.88.98.255    192.88.100.0
    192.168.0.0  192.168.255.255  192.167.255.255  192.169.0.0
    198.18.0.0   198.19.255.255   198.17.255.255   198.20.0.0
    198.51.100.0 198.51.100.255   198.51.99.255    198.51.101.0
    203.0.113.0  203.0.113.255    203.0.112.255    203.0.114.0
    224.0.0.0    255.255.255.255  223.255.255.255  -
    ::           1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff  -             -
    2001::       2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff   2000:ffff::   2001:200::
    2001:db8::   2001:db8:ffff:ffff:ffff:ffff:ffff:ffff   2001:db7:f::  2001:db9::
    2002::       2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff  2001:ffff::   2003::
    3fff::       3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff   3ffe:ffff::   3fff:1000::
    4000::       ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff  3fff:ffff::   -
    5f00::       5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff  -             -
    fc00::       fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff  -             -
    fe80::       feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff  -             -
";

#[test]
fn every_range_is_judged_at_its_first_and_last_address_and_just_outside() {
    for line in RANGES.trim().lines() {
        for (column, address) in line.split_whitespace().enumerate() {
            if address != "-" {
                let class = AddressClass::of(address.parse().unwrap());
                assert_eq!(
                    class == AddressClass::Public,
                    column >= 2,
                    "{address} in {line}"
                );
            }
        }
    }
}

#[test]
fn an_address_is_called_by_the_name_of_its_range() {
    let table = [
        ("169.254.169.254", "link-local, cloud metadata"),
        ("168.63.129.16", "cloud metadata"),
        ("255.255.255.255", "broadcast"),
        ("240.0.0.1", "reserved"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::7f00:1", "reserved, embedded IPv4"),
        ("100::1", "discard"),
        ("2001:0:1:2:3:4:5:6", "Teredo"),
        ("2002:7f00:1::", "6to4"),
        ("5f00::1", "segment routing"),
        ("fd00:ec2::254", "cloud metadata"),
        ("fd00::1", "unique local"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("4000::1", "not global unicast"),
        ("64:ff9b:1::808:808", "reserved, embedded IPv4"),
        ("::ffff:0:8.8.8.8", "reserved, embedded IPv4"),
        ("2620:1:2:3::5efe:10.0.0.1", "ISATAP, embedded IPv4"),
        (
            "2620:1:2:3:200:5efe:169.254.169.254",
            "ISATAP, embedded IPv4",
        ),
        ("fe80::5efe:8.8.8.8", "link-local"),
    ];
    for (address, range) in table {
        let class = AddressClass::of(address.parse().unwrap());
        assert_eq!(class, AddressClass::Special(range), "{address}");
    }
}

#[test]
fn an_embedded_ipv4_address_is_judged_as_itself() {
    for prefix in ["::ffff:", "64:ff9b::"] {
        for (inner, public) in [
            ("8.8.8.8", true),
            ("127.0.0.1", false),
            ("10.1.2.3", false),
            ("169.254.169.254", false),
            ("0.0.0.0", false),
        ] {
            let class = AddressClass::of(format!("{prefix}{inner}").parse().unwrap());
            assert_eq!(class == AddressClass::Public, public, "{prefix}{inner}");
        }
    }
}

#[test]
fn an_embedded_ipv4_address_is_found_in_a_list_of_plain_ones() {
    let policy = AddressPolicy::PublicOnly {
        allow: vec!["10.0.0.0/8".parse().unwrap()],
        deny: vec!["8.8.8.0/24".parse().unwrap()],
    };
    for prefix in ["::ffff:", "64:ff9b::", "2620:1:2:3::5efe:"] {
        for (inner, allowed) in [("10.0.0.1", true), ("8.8.8.8", false), ("8.8.9.9", true)] {
            let address = format!("{prefix}{inner}");
            let judged = policy.vet_address("a", address.parse().unwrap());
            assert_eq!(judged.is_ok(), allowed, "{address}");
        }
    }
}

#[test]
fn a_url_that_spells_an_inner_address_in_any_way_is_refused() {
    let policy = AddressPolicy::public_only();
    let spellings = [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://0/",
        "http://①②⑦.⓪.⓪.①/",
        "http://127。0。0。1/",
        "http://%31%32%37.0.0.1/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://[64:ff9b::10.0.0.1]/",
        "http://[fd00:ec2::254]/",
        "https://169.254.169.254/latest/meta-data/",
        "http:/\\10.0.0.1/",
        "http:\\\\192.168.0.1\\",
    ];
    for text in spellings {
        let refusal = policy.parse(text).unwrap_err();
        assert!(
            matches!(refusal, Refusal::Address { .. }),
            "{text}: {refusal:?}"
        );
        assert!(AddressPolicy::Any.parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_url_of_the_wrong_form_is_refused_under_every_policy() {
    let long = format!("http://example.com/{}", "a".repeat(2048));
    let table = [
        ("ftp://example.com/", Refusal::Scheme("ftp".to_owned())),
        ("file:///etc/passwd", Refusal::Scheme("file".to_owned())),
        ("data:text/plain,hello", Refusal::Scheme("data".to_owned())),
        ("http://user@example.com/", Refusal::Userinfo),
        ("http://:secret@example.com/", Refusal::Userinfo),
        ("http://example.com@127.0.0.1/", Refusal::Userinfo),
        ("http://127.0.0.1:80@example.com/", Refusal::Userinfo),
        ("http://example.com:0/", Refusal::Port),
        ("https://127.0.0.1:00/", Refusal::Port),
        (long.as_str(), Refusal::TooLong { length: long.len() }),
    ];
    for (text, refusal) in table {
        for policy in [AddressPolicy::Any, AddressPolicy::public_only()] {
            assert_eq!(policy.parse(text).unwrap_err(), refusal, "{text}");
        }
    }
    for text in [
        "",
        "no scheme",
        "http://",
        "http://[::1",
        "http://1.2.3.4.5/",
        "http://256.1.1.1/",
        "http://example.com:65536/",
        "http://exam ple.com/",
        "http://example.com%00.evil.test/",
        "http://[fe80::1%25eth0]/",
    ] {
        let refusal = AddressPolicy::Any.parse(text).unwrap_err();
        assert!(
            matches!(refusal, Refusal::Unreadable(_)),
            "{text}: {refusal:?}"
        );
    }
}

#[test]
fn a_name_and_a_public_address_pass_until_they_are_looked_up() {
    let policy = AddressPolicy::public_only();
    for text in [
        "https://example.com/a?b=c#d",
        "http://8.8.8.8:8080/",
        "http://[2606:4700::1]/",
    ] {
        assert!(policy.parse(text).is_ok(), "{text}");
    }
}
