//! What a sender promises, against receivers that do everything wrong and verifiers that others wrote.
