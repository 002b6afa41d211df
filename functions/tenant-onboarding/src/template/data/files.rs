//! The tenant's directory on the environment's shared file system. Through its access point a
//! task sees this directory as the root of everything, whatever it asks for.

use serde_json::json;

use crate::template::cfn::{Draft, Resource};
use crate::template::intrinsics::reference;
use crate::template::{output, parameter};

const ACCESS_POINT: &str = "AccessPoint";

/// Adds the access point, if the catalogue asks for one.
pub(super) fn add(draft: &mut Draft<'_>) {
    let Some(settings) = &draft.settings.file_system else { return };
    let (uid, gid) = (settings.uid.to_string(), settings.gid.to_string());
    let access_point = Resource::new(
        "AWS::EFS::AccessPoint",
        json!({
            "FileSystemId": reference(parameter::FILE_SYSTEM_ID),
            "PosixUser": { "Uid": uid, "Gid": gid },
            "RootDirectory": {
                "Path": format!("/{}", draft.names.base()),
                "CreationInfo": { "OwnerUid": uid, "OwnerGid": gid, "Permissions": "0750" },
            },
        }),
    );
    draft.add(ACCESS_POINT, access_point);
    draft.output(output::ACCESS_POINT_ID, reference(ACCESS_POINT));
}
