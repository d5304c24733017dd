//! The example that is given to operators.

use std::path::Path;

use response_settings::{Settings, Sources};

#[test]
fn the_example_of_a_deployment_can_be_used_as_it_stands() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/response-api.toml");
    let sources = Sources::from_variables::<&str, &str>([]).file(file);
    let loaded = Settings::load(&sources).unwrap();
    assert!(loaded.notes.is_empty(), "{:?}", loaded.notes);
    let servers = &loaded.settings.mcp.servers;
    assert_eq!(servers[0].label.as_str(), "wiki");
}
