//! The store in memory against the suite that the real ones pass.

use response_testkit::memory::MemoryStore;
use response_testkit::store_suite::Fixture;

response_testkit::store_suite!(async { Fixture::new(MemoryStore::default()) });
