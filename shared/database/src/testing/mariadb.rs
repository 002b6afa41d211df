//! Why this exists: a MariaDB whose master has the privileges that RDS gives it: many, and neither
//! SUPER nor FILE.

use super::process::{
    Process, ServerUser, attempt, folder_from_template, free_port, program, read, run,
};
use super::{Authority, Certificate, DATABASE, HOST, MASTER, PASSWORD};
use crate::{Encryption, Engine, Target, Trust};
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The account with all privileges, as RDS calls its own.
const SUPERUSER: &str = "rdsadmin";

/// What the template is called; a change of what is in it wants another name.
const TEMPLATE: &str = "caretaker-test-mariadb-template-1";

/// What RDS grants its master, "Master user account privileges" in its user guide.
const MASTER_PRIVILEGES: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, \
     ALTER, SHOW DATABASES, CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, \
     CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER";

/// A MariaDB server of one test.
pub struct MariadbServer {
    // Dropped first, while its folder is still there.
    _process: Process,
    folder: TempDir,
    port: u16,
    authority: Authority,
}

impl MariadbServer {
    /// Starts a server with a certificate that is as it should be.
    pub fn start() -> Self {
        Self::start_with(Certificate::Valid)
    }

    /// Starts a server with this certificate.
    pub fn start_with(certificate: Certificate) -> Self {
        let user = ServerUser::named("mysql");
        let folder = folder_from_template(user, TEMPLATE, |data| make_template(user, data));
        let home = folder.path();
        let authority = Authority::in_folder(home);
        let (chain, key) = authority.issue(certificate);
        user.write(&home.join("server.crt"), &chain);
        user.write(&home.join("server.key"), &key);
        user.write(&home.join("init.sql"), &accounts());
        let at = |name: &str| home.join(name).display().to_string();
        let port = free_port();
        let mut command = user.command(&binary("mariadbd"));
        command.args([
            "--no-defaults".to_owned(),
            format!("--datadir={}", at("data")),
            format!("--port={port}"),
            format!("--bind-address={HOST}"),
            format!("--socket={}", at("server.sock")),
            format!("--pid-file={}", at("server.pid")),
            format!("--init-file={}", at("init.sql")),
            format!("--ssl-cert={}", at("server.crt")),
            format!("--ssl-key={}", at("server.key")),
            "--general-log=1".to_owned(),
            format!("--general-log-file={}", at("general.log")),
            "--skip-name-resolve".to_owned(),
            // The data is thrown away in a moment.
            "--innodb-flush-log-at-trx-commit=0".to_owned(),
            "--innodb-flush-method=nosync".to_owned(),
            "--innodb-buffer-pool-size=16M".to_owned(),
            "--aria-pagecache-buffer-size=1M".to_owned(),
            "--key-buffer-size=1M".to_owned(),
        ]);
        let process =
            Process::start(&mut command, &home.join("server.log"), "ready for connections");
        Self { _process: process, folder, port, authority }
    }

    /// The master's login, in the application's database.
    pub fn master(&self) -> Target {
        self.login(MASTER, PASSWORD)
    }

    /// The login with all privileges; on RDS nobody has it.
    pub fn superuser(&self) -> Target {
        self.login(SUPERUSER, PASSWORD)
    }

    /// Any login, in the application's database.
    pub fn login(&self, username: &str, password: &str) -> Target {
        Target {
            engine: Engine::Mariadb,
            host: HOST.to_owned(),
            port: self.port,
            database: Some(DATABASE.to_owned()),
            username: username.to_owned(),
            password: password.to_owned().into(),
            ssl: None,
            encryption: Encryption::Verified,
        }
    }

    /// The authority that signed the server's certificate.
    pub fn trust(&self) -> Trust {
        Trust::PemFile(self.authority.file().to_owned())
    }

    /// Runs SQL as `root` through the server's socket, and answers with the rows, tab-separated.
    /// The way to arrange and to inspect what a master may not.
    #[track_caller]
    pub fn sql(&self, statements: &str) -> String {
        let mut client = Command::new(binary("mariadb"));
        client.args(["--no-defaults", "--batch", "--raw", "--skip-column-names", "--user=root"]);
        client.arg("--default-character-set=utf8mb4");
        client.arg(format!("--socket={}", self.folder.path().join("server.sock").display()));
        client.arg(format!("--database={DATABASE}")).arg(format!("--execute={statements}"));
        run(&mut client)
    }

    /// Runs SQL as this login, as an application would: over TLS, with its password. Answers with the
    /// rows, or with what the server said to the first statement that failed.
    ///
    /// # Errors
    /// The server's words.
    pub fn sql_as(&self, login: &Target, statements: &str) -> Result<String, String> {
        let mut client = Command::new(binary("mariadb"));
        client.env("MYSQL_PWD", login.password.expose_secret());
        client.args(["--no-defaults", "--batch", "--raw", "--skip-column-names", "--ssl"]);
        client.args(["--default-character-set=utf8mb4", "--protocol=tcp"]);
        client.args([format!("--host={HOST}"), format!("--port={}", self.port)]);
        client.args([format!("--user={}", login.username), format!("--database={DATABASE}")]);
        attempt(client.arg(format!("--execute={statements}")))
    }

    /// Everything that the server has logged, which is every statement.
    pub fn log(&self) -> String {
        let home = self.folder.path();
        read(&home.join("general.log")) + &read(&home.join("server.log"))
    }
}

/// The accounts, one statement on each line, as `--init-file` wants it.
fn accounts() -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
         CREATE USER {SUPERUSER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;\n\
         GRANT ALL ON *.* TO {SUPERUSER}@'%' WITH GRANT OPTION;\n\
         CREATE USER {MASTER}@'%' IDENTIFIED BY '{PASSWORD}' REQUIRE SSL;\n\
         GRANT {MASTER_PRIVILEGES} ON *.* TO {MASTER}@'%' WITH GRANT OPTION;\n"
    )
}

fn binary(name: &str) -> PathBuf {
    program("MariaDB", name, &["/usr/bin", "/usr/local/sbin", "/usr/sbin"].map(PathBuf::from))
}

fn make_template(user: ServerUser, home: &Path) {
    let data = home.join("data");
    std::fs::create_dir(&data).expect("a folder just made is writable");
    user.own(&data, 0o700);
    run(user
        .command(&binary("mariadb-install-db"))
        .args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"])
        .args(["--innodb-log-file-size=4M", "--skip-name-resolve"])
        .arg(format!("--datadir={}", data.display())));
}
