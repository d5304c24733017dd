//! The fakes against the suites that the real things pass.

use response_testkit::memory::MemoryStore;
use response_testkit::store_suite;
use response_testkit::store_suite::Fixture;

store_suite!(async { Fixture::new(MemoryStore::default()) });
