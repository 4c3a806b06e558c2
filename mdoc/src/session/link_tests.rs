//! Links in both roles by hand.

use super::{GattLink, GattRole, LinkEvent, Outgoing};
use crate::session::framing::{FramingError, PartSize};

const LIMIT: usize = 100;

fn link(role: GattRole) -> GattLink {
    GattLink::new(role, PartSize::for_mtu(23), LIMIT)
}

/// A link that has started.
fn open(role: GattRole) -> GattLink {
    let mut link = link(role);
    link.start();
    match role {
        GattRole::Client => assert_eq!(link.poll_transmit(), Some(Outgoing::State(1))),
        GattRole::Server => assert_eq!(link.handle_state(&[1]), Some(LinkEvent::Started)),
    }
    assert!(link.is_open());
    link
}

fn message(event: Option<LinkEvent>) -> Vec<u8> {
    match event {
        Some(LinkEvent::Message(message)) => message.to_vec(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_client_starts_and_the_server_waits_for_it() {
    let mut client = link(GattRole::Client);
    assert!(!client.is_open());
    assert_eq!(
        client.handle_state(&[1]),
        None,
        "the phone's server starts nothing"
    );
    assert!(!client.is_open());
    client.start();
    client.start();
    assert_eq!(client.poll_transmit(), Some(Outgoing::State(1)));
    assert_eq!(client.poll_transmit(), None, "once");

    let mut server = link(GattRole::Server);
    server.start();
    assert_eq!(server.poll_transmit(), None);
    assert!(!server.is_open());
    for value in [&[][..], &[0], &[3], &[1, 0]] {
        assert_eq!(server.handle_state(value), None, "{value:?}");
    }
    assert!(!server.is_open());
    assert_eq!(server.handle_state(&[1]), Some(LinkEvent::Started));
    assert_eq!(server.handle_state(&[1]), None, "a second start is none");
    assert!(server.is_open());
}

#[test]
fn parts_count_between_start_and_end_only() {
    for role in [GattRole::Client, GattRole::Server] {
        let mut early = link(role);
        assert_eq!(early.handle_part(&[0, 7]), None);
        assert_eq!(early.handle_state(&[2]), None, "nothing to end");
        early.send(b"nobody listens");
        assert_eq!(early.poll_transmit(), None);

        let mut link = open(role);
        assert_eq!(message(link.handle_part(&[0, 7])), [7]);
        assert_eq!(link.received_parts(), 1);
        assert_eq!(link.handle_state(&[2]), Some(LinkEvent::Ended));
        assert_eq!(link.handle_part(&[0, 7]), None);
        assert_eq!(link.handle_state(&[2]), None);
        link.send(b"nobody listens");
        link.end();
        assert_eq!(link.poll_transmit(), None);
    }
}

#[test]
fn progress_is_told_once_for_each_message_of_several_parts() {
    let mut link = open(GattRole::Server);
    for _ in 0..2 {
        assert_eq!(link.handle_part(&[1, 1]), Some(LinkEvent::Progress));
        assert!(link.is_message_pending());
        assert_eq!(link.handle_part(&[1, 2]), None);
        assert_eq!(message(link.handle_part(&[0])), [1, 2]);
        assert_eq!(link.received_parts(), 3);
        assert!(!link.is_message_pending());
    }
}

#[test]
fn messages_go_out_in_parts_one_after_the_other_and_the_end_last() {
    for role in [GattRole::Client, GattRole::Server] {
        let mut link = open(role);
        link.send(&[7; 20]);
        link.set_part_size(PartSize::for_mtu(185));
        link.send(&[8; 20]);
        link.end();
        link.end();
        let out: Vec<Outgoing> = core::iter::from_fn(|| link.poll_transmit()).collect();
        assert_eq!(
            out,
            [
                Outgoing::Part([&[1][..], &[7; 19]].concat()),
                Outgoing::Part(vec![0, 7]),
                Outgoing::Part([&[0][..], &[8; 20]].concat()),
                Outgoing::State(2),
            ]
        );
        assert_eq!(link.handle_part(&[0, 7]), None, "after our own end too");
    }
}

#[test]
fn what_is_no_part_ends_the_link() {
    for (value, error) in [
        (&[][..], FramingError::Empty),
        (&[2, 7], FramingError::Prefix(2)),
        (&[1; LIMIT + 2], FramingError::TooLarge(LIMIT)),
    ] {
        let mut link = open(GattRole::Client);
        assert_eq!(
            link.handle_part(&[1, 7]),
            Some(LinkEvent::Progress),
            "the untouched twin"
        );
        assert_eq!(message(link.handle_part(&[0, 7])), [7, 7]);
        assert_eq!(link.handle_part(value), Some(LinkEvent::Failed(error)));
        assert_eq!(link.handle_part(&[0, 7]), None);
        assert!(!link.is_open());
    }
}

#[test]
fn an_event_shows_no_content() {
    let event = LinkEvent::Message(b"secret".to_vec().into());
    assert_eq!(format!("{event:?}"), "Message(6 bytes)");
}
