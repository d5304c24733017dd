//! The numbers that a process gives to those who watch it, as Prometheus reads them.

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Seconds, from a look at the queue to a long wait.
const SECONDS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 1800.0,
];

/// Why the numbers cannot be recorded.
pub type MetricsError = BuildError;

/// All numbers of this process.
#[derive(Clone)]
pub struct Metrics(PrometheusHandle);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

impl Metrics {
    /// The numbers as they stand, in the text format of Prometheus.
    pub fn text(&self) -> String {
        // Histograms gather what was recorded since the last time; nobody else asks for it.
        self.0.run_upkeep();
        self.0.render()
    }
}

/// Records from now on. There is one recorder for the whole process.
pub(crate) fn start() -> Result<Metrics, MetricsError> {
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .install_recorder()?;
    response_engine::watch::describe();
    response_identity::describe();
    Ok(Metrics(handle))
}
