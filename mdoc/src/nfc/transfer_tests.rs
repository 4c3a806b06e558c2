use proptest::prelude::*;

use super::*;

const SHORT: NfcOptions = NfcOptions {
    max_command_data: 255,
    max_response_data: 256,
};
const EXTENDED: NfcOptions = NfcOptions {
    max_command_data: 65_535,
    max_response_data: 65_536,
};
const BOUND: usize = 100_000;

fn limits(phone: &NfcOptions) -> TransferLimits {
    TransferLimits::new(phone, false, BOUND)
}

/// Lc, the data and Le of a command, and whether they are in the extended form.
fn parse(command: &[u8]) -> (Vec<u8>, Option<usize>, bool) {
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |number, byte| number << 8 | usize::from(*byte))
    };
    let or = |number: usize, nought: usize| if number == 0 { nought } else { number };
    match &command[4..] {
        [] => (Vec::new(), None, false),
        [expected] => (Vec::new(), Some(or((*expected).into(), 256)), false),
        [0, high, low] => (Vec::new(), Some(or(number(&[*high, *low]), 65_536)), true),
        [0, high, low, rest @ ..] => {
            let (data, expected) = rest.split_at(number(&[*high, *low]));
            let expected = (!expected.is_empty()).then(|| or(number(expected), 65_536));
            (data.to_vec(), expected, true)
        }
        [length, rest @ ..] => {
            let (data, expected) = rest.split_at((*length).into());
            let expected = (!expected.is_empty()).then(|| or(number(expected), 256));
            (data.to_vec(), expected, false)
        }
    }
}

/// A phone that takes a message and gives one, as its rule of the status says.
struct Phone {
    taken: Vec<u8>,
    left: Vec<u8>,
    commands: Vec<Vec<u8>>,
    /// The status for what is left beyond an answer.
    status: fn(usize) -> u16,
    /// Bytes beyond what was asked for.
    generous: usize,
    /// At most so many bytes at once.
    stingy: usize,
}

const fn by_the_book(left: usize) -> u16 {
    match left {
        0 => 0x9000,
        1..=255 => 0x6100 | left as u16,
        _ => 0x6100,
    }
}

impl Phone {
    fn new(message: &[u8]) -> Self {
        Self {
            taken: Vec::new(),
            left: data_object(message),
            commands: Vec::new(),
            status: by_the_book,
            generous: 0,
            stingy: usize::MAX,
        }
    }

    fn answer(&mut self, command: &[u8]) -> Vec<u8> {
        self.commands.push(command.to_vec());
        let (data, expected, _) = parse(command);
        self.taken.extend(data);
        if command[0] == 0x10 {
            assert_eq!(expected, None, "only the last of a chain expects something");
            return vec![0x90, 0];
        }
        let most = (expected.unwrap() + self.generous)
            .min(self.stingy)
            .min(self.left.len());
        let rest = self.left.split_off(most);
        let given = core::mem::replace(&mut self.left, rest);
        [&given[..], &(self.status)(self.left.len()).to_be_bytes()].concat()
    }
}

/// Sends a message and takes the other.
fn exchange(
    message: &[u8],
    limits: TransferLimits,
    mut answer: impl FnMut(&[u8]) -> Vec<u8>,
) -> Result<Vec<u8>, TransferError> {
    let (mut exchange, mut command) = Exchange::start(message, limits);
    loop {
        match exchange.handle_answer(&answer(&command))? {
            Progress::Continue(on, next) => (exchange, command) = (on, next),
            Progress::Message(message) => return Ok(message.to_vec()),
        }
    }
}

#[test]
fn messages_of_every_length_travel_in_both_forms() {
    for phone_limits in [SHORT, EXTENDED] {
        for length in [
            0, 1, 0x7f, 0x80, 252, 253, 255, 256, 257, 1000, 65_530, 65_536, 70_000,
        ] {
            let message: Vec<u8> = (0..length).map(|index| index as u8).collect();
            let mut phone = Phone::new(&message);
            let back = exchange(&message, limits(&phone_limits), |command| phone.answer(command));
            assert_eq!(back.as_deref(), Ok(&message[..]), "{length}");
            assert_eq!(phone.taken, data_object(&message));
            for command in &phone.commands {
                let (data, expected, _) = parse(command);
                assert!(data.len() <= phone_limits.max_command_data as usize);
                assert!(expected.unwrap_or_default() <= phone_limits.max_response_data as usize);
            }
        }
    }
}

#[test]
fn the_bytes_of_a_chain() {
    let mut phone = Phone::new(&[7; 300]);
    exchange(&[9; 256], limits(&SHORT), |command| phone.answer(command)).unwrap();
    let starts: Vec<&[u8]> = phone.commands.iter().map(|command| &command[..5]).collect();
    assert_eq!(
        starts,
        [
            &[0x10, 0xc3, 0, 0, 255][..],
            &[0x00, 0xc3, 0, 0, 5],
            &[0x00, 0xc0, 0, 0, 48],
        ]
    );
    assert_eq!(
        phone.commands[1].last(),
        Some(&0),
        "as much as a short answer carries"
    );
    assert_eq!(phone.taken[..4], [0x53, 0x82, 1, 0]);
    let mut phone = Phone::new(&[7; 300]);
    exchange(&[9; 256], limits(&EXTENDED), |command| phone.answer(command)).unwrap();
    assert_eq!(phone.commands.len(), 1);
    assert_eq!(phone.commands[0][..7], [0x00, 0xc3, 0, 0, 0, 1, 4]);
    assert_eq!(phone.commands[0][7 + 260..], [0, 0]);
}

#[test]
fn short_commands_are_a_choice() {
    let mut phone = Phone::new(&[7; 300]);
    let limits = TransferLimits::new(&EXTENDED, true, BOUND);
    exchange(&[9; 600], limits, |command| phone.answer(command)).unwrap();
    assert!(phone.commands.iter().all(|command| !parse(command).2));
    assert_eq!(phone.commands.len(), 4);
}

#[test]
fn a_status_of_more_data_need_not_mean_what_it_says() {
    let message = [7; 2000];
    for (status, generous, stingy) in [
        (
            (|left| if left == 0 { 0x9000 } else { 0x6140 }) as fn(usize) -> u16,
            0,
            usize::MAX,
        ),
        (|left| if left == 0 { 0x9000 } else { 0x61ff }, 0, usize::MAX),
        (|left| if left == 0 { 0x9000 } else { 0x6105 }, 200, usize::MAX),
        (|left| if left == 0 { 0x9000 } else { 0x6100 }, 0, 64),
        (by_the_book, 100, usize::MAX),
    ] {
        let mut phone = Phone::new(&message);
        (phone.status, phone.generous, phone.stingy) = (status, generous, stingy);
        let back = exchange(&[1], limits(&SHORT), |command| phone.answer(command));
        assert_eq!(back.as_deref(), Ok(&message[..]));
    }
    // The end may come alone, after everything else.
    let mut phone = Phone::new(&message);
    phone.status = |_| 0x6100;
    let mut whole = false;
    let back = exchange(&[1], limits(&SHORT), |command| {
        if std::mem::replace(&mut whole, phone.left.is_empty()) && phone.left.is_empty() {
            return vec![0x90, 0];
        }
        let answer = phone.answer(command);
        whole = phone.left.is_empty();
        answer
    });
    assert_eq!(back.as_deref(), Ok(&message[..]));
}

#[test]
fn more_data_without_end() {
    let mut rounds = 0;
    let empty = exchange(&[1], limits(&SHORT), |_| {
        rounds += 1;
        vec![0x61, 0]
    });
    assert_eq!((empty, rounds), (Err(TransferError::Endless), 9));
    // A byte at a time of an object that claims all that there may be.
    let mut rounds = 0_usize;
    let object = data_object(&vec![0; BOUND]);
    let slow = exchange(&[1], limits(&SHORT), |_| {
        rounds += 1;
        vec![object[rounds - 1], 0x61, 1]
    });
    assert_eq!((slow, rounds), (Err(TransferError::Endless), BOUND / 64 + 65));
    // Beyond what it said itself.
    let full = exchange(&[1], limits(&SHORT), |_| vec![0x53, 1, 7, 7, 0x61, 0]);
    assert_eq!(full, Err(TransferError::Length));
}

#[test]
fn answers_that_are_not_taken() {
    let one = |answer: &[u8]| exchange(&[1], limits(&SHORT), |_| answer.to_vec());
    assert_eq!(one(&[0x53, 1, 7, 0x90, 0]), Ok(vec![7]));
    assert_eq!(
        one(&[0x53, 0x81, 1, 7, 0x90, 0]),
        Ok(vec![7]),
        "a longer form of the length"
    );
    assert_eq!(one(&[0x53, 0, 0x90, 0]), Ok(vec![]));
    for (answer, error) in [
        (&[][..], TransferError::Answer),
        (&[0x90], TransferError::Answer),
        (&[0x90, 0], TransferError::DataObject),
        (&[0x53, 0x90, 0], TransferError::DataObject),
        (&[0x54, 1, 7, 0x90, 0], TransferError::DataObject),
        (&[0x53, 0x80, 7, 0x90, 0], TransferError::DataObject),
        (
            &[0x53, 0x85, 0, 0, 0, 0, 1, 7, 0x90, 0],
            TransferError::DataObject,
        ),
        (&[0x53, 0x82, 1, 0x90, 0], TransferError::DataObject),
        (&[0x53, 2, 7, 0x90, 0], TransferError::Length),
        (&[0x53, 1, 7, 8, 0x90, 0], TransferError::Length),
        (
            &[0x53, 0x84, 0xff, 0xff, 0xff, 0xff, 0x90, 0],
            TransferError::TooLarge,
        ),
        (&[0x69, 0x85], TransferError::Status(0x6985)),
        (&[0x6c, 0x10], TransferError::Status(0x6c10)),
        (&[0x53, 1, 7, 0x6a, 0x82], TransferError::Status(0x6a82)),
    ] {
        assert_eq!(one(answer), Err(error), "{answer:x?}");
    }
}

#[test]
fn the_bound_on_a_message_is_exact() {
    let message = vec![7; BOUND];
    let mut phone = Phone::new(&message);
    assert!(exchange(&[1], limits(&EXTENDED), |command| phone.answer(command)).is_ok());
    let mut phone = Phone::new(&[&message[..], &[7]].concat());
    let back = exchange(&[1], limits(&EXTENDED), |command| phone.answer(command));
    assert_eq!(back, Err(TransferError::TooLarge));
    assert_eq!(phone.commands.len(), 1, "the head tells");
}

#[test]
fn a_chain_that_is_not_taken_ends_it() {
    let long = [1; 600];
    let first = |answer: &[u8]| exchange(&long, limits(&SHORT), |_| answer.to_vec());
    assert_eq!(first(&[0x69, 0x83]), Err(TransferError::Status(0x6983)));
    assert_eq!(first(&[0x61, 0x10]), Err(TransferError::Status(0x6110)));
    assert_eq!(first(&[1, 0x90, 0]), Err(TransferError::Answer));
}

#[test]
fn limits_are_kept_in_bounds() {
    let tiny = NfcOptions {
        max_command_data: 0,
        max_response_data: u32::MAX,
    };
    let limits = TransferLimits::new(&tiny, false, BOUND);
    assert_eq!((limits.max_command_data, limits.max_answer_data), (1, 65_536));
    assert_eq!(select_mdoc(), [0, 0xa4, 4, 0, 7, 0xa0, 0, 0, 2, 0x48, 4, 0, 0]);
}

proptest! {
    #[test]
    fn any_answers_end(answers in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..20), any::<u8>()), 1..20)) {
        let mut answers = answers.into_iter().cycle();
        let result = exchange(&[1; 300], limits(&SHORT), |command| {
            if command[0] == 0x10 {
                return vec![0x90, 0];
            }
            let (data, more) = answers.next().unwrap();
            [&data[..], &[0x61, more]].concat()
        });
        prop_assert!(result.is_err());
    }

    #[test]
    fn any_sizes_and_any_promise_give_the_same_message(
        message in proptest::collection::vec(any::<u8>(), 0..3000),
        stingy in 64_usize..400,
        generous in 0_usize..300,
    ) {
        let mut phone = Phone::new(&message);
        phone.stingy = stingy;
        phone.generous = generous;
        let back = exchange(&message, limits(&SHORT), |command| phone.answer(command));
        prop_assert_eq!(back, Ok(message.clone()));
        prop_assert_eq!(phone.taken, data_object(&message));
    }
}
