use std::ops::Deref;

use crate::clock::Timestamp;

/// An answer, and when it was asked for and had on our clock. Dereferences to the value.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered<T> {
    /// Just before the request was sent.
    pub sent: Timestamp,
    /// Just after the answer was read.
    pub received: Timestamp,
    /// What was answered.
    pub value: T,
}

impl<T> Answered<T> {
    /// The same exchange with another view of its answer.
    pub fn map<U>(self, view: impl FnOnce(T) -> U) -> Answered<U> {
        Answered { sent: self.sent, received: self.received, value: view(self.value) }
    }
}

impl<T> Deref for Answered<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}
