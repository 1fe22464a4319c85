//! How evidence writes tenants and subjects: a tenant by its id, a subject by its keyed digest only.

use serde::{Deserialize, Deserializer, Serializer, de};

use crate::event::TenantId;
use crate::keys::KeyId;

fn read_subject<E: de::Error>(text: &str) -> Result<KeyId, E> {
    KeyId::from_reference(text).ok_or_else(|| E::custom("not a subject reference"))
}

fn read_tenant<E: de::Error>(text: &str) -> Result<TenantId, E> {
    TenantId::new(text).ok_or_else(|| E::custom("not a tenant id"))
}

pub(crate) mod subject {
    use super::*;

    pub fn serialize<S: Serializer>(id: &KeyId, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&id.reference())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
        read_subject(&String::deserialize(deserializer)?)
    }
}

pub(crate) mod maybe_subject {
    use super::*;

    pub fn serialize<S: Serializer>(id: &Option<KeyId>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => subject::serialize(id, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<KeyId>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| read_subject(&text)).transpose()
    }
}

pub(crate) mod maybe_tenant {
    use super::*;

    pub fn serialize<S: Serializer>(id: &Option<TenantId>, serializer: S) -> Result<S::Ok, S::Error> {
        match id {
            Some(id) => serializer.serialize_str(id.as_str()),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<TenantId>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| read_tenant(&text)).transpose()
    }
}
