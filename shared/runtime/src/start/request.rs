//! The span around an invocation, from the moment its event arrives: it covers an event that cannot
//! be parsed too.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use lambda_runtime::tower::Layer;
use lambda_runtime::{LambdaInvocation, Service};
use tracing::Instrument as _;

use super::{Invocations, request_span};

/// Wraps the runtime's service into [`RequestService`].
pub(super) struct RequestLayer {
    invocations: Rc<Invocations>,
}

impl RequestLayer {
    pub(super) fn new(invocations: Rc<Invocations>) -> Self {
        Self { invocations }
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService { inner, invocations: Rc::clone(&self.invocations) }
    }
}

/// Counts the invocation and handles it inside its span.
pub(super) struct RequestService<S> {
    inner: S,
    invocations: Rc<Invocations>,
}

impl<S> Service<LambdaInvocation> for RequestService<S>
where
    S: Service<LambdaInvocation>,
    S::Future: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, invocation: LambdaInvocation) -> Self::Future {
        self.invocations.begin();
        let span = request_span(&invocation.context, self.invocations.is_first());
        // The inner call parses the event: inside the span, so that its complaint has the request
        // id.
        let answer = span.in_scope(|| self.inner.call(invocation));
        let invocations = Rc::clone(&self.invocations);
        let counted = async move {
            let answer = answer.await;
            invocations.end();
            answer
        };
        Box::pin(counted.instrument(span))
    }
}
