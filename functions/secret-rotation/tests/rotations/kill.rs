//! The moment at which the function dies: counted in everything that goes over a wire.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// A moment that never comes.
const NEVER: usize = usize::MAX;

/// A switch that all wires share. Every message on any of them is a tick; at the chosen one the
/// line goes dead, and whoever runs the function drops it there, as Lambda does.
#[derive(Debug, Clone)]
pub(crate) struct Kill {
    ticks: Arc<AtomicUsize>,
    at: Arc<AtomicUsize>,
    dead: watch::Sender<bool>,
}

impl Kill {
    pub(crate) fn never() -> Self {
        Self {
            ticks: Arc::default(),
            at: Arc::new(AtomicUsize::new(NEVER)),
            dead: watch::Sender::new(false),
        }
    }

    /// Sets the next death to this tick, counted from now.
    pub(crate) fn set(&self, at: usize) {
        self.ticks.store(0, Ordering::SeqCst);
        self.at.store(at, Ordering::SeqCst);
        self.dead.send_replace(false);
    }

    /// Nobody dies any more.
    pub(crate) fn disarm(&self) {
        self.set(NEVER);
    }

    /// Counts a message; whether the line is dead from here on.
    pub(crate) fn tick(&self) -> bool {
        let tick = self.ticks.fetch_add(1, Ordering::SeqCst);
        let dead = tick >= self.at.load(Ordering::SeqCst);
        if dead {
            self.dead.send_replace(true);
        }
        dead
    }

    /// Waits until the moment has come.
    pub(crate) async fn happened(&self) {
        let mut dead = self.dead.subscribe();
        dead.wait_for(|dead| *dead).await.expect("the switch outlives its waiters");
    }
}
