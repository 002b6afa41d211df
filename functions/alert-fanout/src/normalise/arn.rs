//! Amazon Resource Names, taken apart.

/// `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    /// Such as `rds`.
    pub(crate) service: &'a str,
    /// Empty for what is global.
    pub(crate) region: &'a str,
    /// Empty where the name is unique without it.
    pub(crate) account: &'a str,
    /// All that follows, colons and slashes included.
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Takes `text` apart, if it is one.
    pub(crate) fn of(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, _partition) = (parts.next()?, parts.next()?);
        let (service, region, account) = (parts.next()?, parts.next()?, parts.next()?);
        let resource = parts.next()?;
        (arn == "arn" && !resource.is_empty()).then_some(Self {
            service,
            region,
            account,
            resource,
        })
    }

    /// The name in the resource: what stands last, after the kind of resource.
    pub(crate) fn name(self) -> &'a str {
        self.resource.rsplit([':', '/']).next().unwrap_or(self.resource)
    }

    /// The part of the resource after `kind`: `service/mate-dev/mate-demo-dev-django` has
    /// `mate-dev/mate-demo-dev-django` after `service/`.
    pub(crate) fn after(self, kind: &str) -> Option<&'a str> {
        self.resource.strip_prefix(kind)
    }
}

/// The name in `text`: of an ARN what stands last in it, of anything else itself.
pub(crate) fn name_in(text: &str) -> &str {
    Arn::of(text).map_or(text, Arn::name)
}
