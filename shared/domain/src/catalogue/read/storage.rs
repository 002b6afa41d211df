//! `buckets` and `file_system`: where a tenant's files are.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalogue::kinds::{Flag, List, Whole};
use crate::catalogue::layers::Section;
use crate::catalogue::mistakes::Read;
use crate::catalogue::model::{Bucket, FileSystem};
use crate::catalogue::values::{BUCKET_NAME, DIRECTORY, WORD};

/// A hundred years: beyond that a number of days is a slip.
const DAYS: Whole<u32> = Whole(1, 36500);

/// Long enough to notice an overwritten file in a monthly review.
const NONCURRENT_EXPIRE_AFTER_DAYS_DEFAULT: u32 = 30;

/// A POSIX id that is not root's.
const POSIX_ID: Whole<u32> = Whole(1, 65534);

/// Reads the buckets.
pub(super) fn buckets(section: &mut Section<'_>) -> Read<BTreeMap<String, Bucket>> {
    section.named_tables("buckets", BUCKET_NAME, |_, table| bucket(table))
}

fn bucket(section: &mut Section<'_>) -> Read<Bucket> {
    let versioning = section.or("versioning", &Flag, true);
    let glacier = section.optional("glacier_after_days", &DAYS);
    let expire = section.optional("expire_after_days", &DAYS);
    let noncurrent =
        section.or("noncurrent_expire_after_days", &DAYS, NONCURRENT_EXPIRE_AFTER_DAYS_DEFAULT);
    let cors_uploads = section.or("cors_uploads", &Flag, false);
    if let (Ok(Some(glacier)), Ok(Some(expire))) = (&glacier, &expire)
        && expire.value <= glacier.value
    {
        let problem =
            format!("{} is not after the move to Glacier at {}", expire.value, glacier.value);
        section.mistake(expire.span, "expire_after_days", problem, "a later day");
    }
    Ok(Bucket {
        versioning: versioning?.value,
        glacier_after_days: glacier?.map(|days| days.value),
        expire_after_days: expire?.map(|days| days.value),
        noncurrent_expire_after_days: noncurrent?.value,
        cors_uploads: cors_uploads?.value,
    })
}

/// Reads the file system; only services that there are can mount it.
pub(super) fn file_system(section: &mut Section<'_>, known: &BTreeSet<&str>) -> Read<FileSystem> {
    let mount_path = section.required("mount_path", &DIRECTORY);
    let uid = section.required("uid", &POSIX_ID);
    let gid = section.required("gid", &POSIX_ID);
    let services = section.required("services", &List(WORD));
    if let Ok(services) = &services {
        for name in services.value.iter().filter(|name| !known.contains(name.as_str())) {
            let expected = known.iter().copied().collect::<Vec<_>>().join(", ");
            let problem = format!("there is no service {name:?}");
            section.mistake(services.span, "services", problem, format!("some of {expected}"));
        }
    }
    Ok(FileSystem {
        mount_path: mount_path?.value,
        uid: uid?.value,
        gid: gid?.value,
        services: services?.value,
    })
}
