//! What the catalogue promises: layers, messages, the checks one by one, and the shipped files.

mod alerting;
mod checks;
mod layering;
mod messages;
mod rotation;
mod shipped;

use super::Catalogue;

/// The smallest catalogue that has one of everything.
const GOOD: &str = include_str!("good.toml");

/// The good catalogue with some of its lines replaced.
fn good_with(changes: &[(&str, &str)]) -> String {
    changes.iter().fold(GOOD.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from:?} must stand once in good.toml");
        text.replace(from, to)
    })
}

#[test]
fn a_good_catalogue_is_read_with_its_defaults() {
    let catalogue = Catalogue::parse("good.toml", GOOD).unwrap();
    let dev = "dev".parse().unwrap();
    assert_eq!(catalogue.product.as_str(), "shop");
    assert_eq!(catalogue.environments().collect::<Vec<_>>(), [&dev]);
    for tier in crate::Tier::ALL {
        let settings = catalogue.settings(&dev, tier).unwrap();
        assert_eq!((settings.database.port, settings.database.instances), (5432, 1));
        assert_eq!(settings.database.parameters["work_mem"], "4096");
        let cache = settings.cache.as_ref().unwrap();
        assert_eq!((cache.port, cache.replicas), (6379, 0));
        assert!(settings.buckets["files"].versioning);
        assert_eq!(settings.services["worker"].count, 1);
        assert_eq!(settings.services["web"].http.as_ref().unwrap().drain_seconds, 300);
    }
    assert_eq!(catalogue.settings(&"prod".parse().unwrap(), crate::Tier::Trial), None);
}
