//! The till link of the program itself: what runs without a phone.
