//! The store in memory against the suites that the real ones pass.

use response_testkit::store_suite::Fixture;

response_testkit::store_suite!(async { Fixture::in_memory() });
response_testkit::queue_suite!(async { Fixture::in_memory() });
response_testkit::webhook_suite!(async { Fixture::in_memory() });
response_testkit::conversation_suite!(async { Fixture::in_memory() });
response_testkit::idempotency_suite!(async { Fixture::in_memory() });
response_testkit::api_key_suite!(async { Fixture::in_memory() });
response_testkit::retention_suite!(async { Fixture::in_memory() });
