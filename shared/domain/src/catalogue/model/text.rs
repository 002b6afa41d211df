//! What a service's variables may say: plain texts with placeholders, and where secrets come from.

/// A text with placeholders: `rediss://${cache.host}:${cache.port}/0`.
#[derive(Debug, Clone, PartialEq)]
pub struct Text(pub Vec<Piece>);

/// A piece of a [`Text`].
#[derive(Debug, Clone, PartialEq)]
pub enum Piece {
    /// As it stands.
    Literal(String),
    /// Filled in for each tenant.
    Placeholder(Placeholder),
}

/// What a [`Text`] may ask for.
#[derive(Debug, Clone, PartialEq)]
pub enum Placeholder {
    /// `${tenant.id}`
    TenantId,
    /// `${tenant.tier}`
    TenantTier,
    /// `${tenant.environment}`
    TenantEnvironment,
    /// `${tenant.hostname}`
    TenantHostname,
    /// `${cache.host}`: the primary endpoint.
    CacheHost,
    /// `${cache.port}`
    CachePort,
    /// `${buckets.<name>}`: the bucket's name.
    Bucket(String),
    /// `${aws.region}`
    AwsRegion,
}

/// Where a secret variable comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum SecretReference {
    /// `database.<field>` with `host`, `port`, `dbname`, `username` or `password`: the
    /// application's own user, never the master.
    Database(DatabaseField),
    /// `cache.token`
    CacheToken,
    /// `keys.<name>.key`
    Key(String),
    /// `keys.<name>.fallbacks`
    KeyFallbacks(String),
}

/// A field of the application's database secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatabaseField {
    /// `host`
    Host,
    /// `port`
    Port,
    /// `dbname`
    Dbname,
    /// `username`
    Username,
    /// `password`
    Password,
}

impl DatabaseField {
    /// All fields.
    pub const ALL: [Self; 5] =
        [Self::Host, Self::Port, Self::Dbname, Self::Username, Self::Password];

    /// The key in the secret's JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Port => "port",
            Self::Dbname => "dbname",
            Self::Username => "username",
            Self::Password => "password",
        }
    }
}
