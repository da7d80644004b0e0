"""Tree heads, and proofs from the tree."""

from marshmallow import Schema, fields

from api.fields import Text

_HASH = {"description": "SHA-256 in hexadecimal"}
_PATH = {"description": "Hashes in hexadecimal, in the order of RFC 6962"}


class PublicKeySchema(Schema):
    id = fields.Integer(required=True)
    algorithm = fields.String(required=True, metadata={"example": "Ed25519"})
    public_key = fields.String(required=True, metadata={"description": "PEM"})
    fingerprint = fields.String(required=True, metadata={"description": "SHA-256 of its DER form"})
    current = fields.Boolean(required=True, metadata={"description": "Whether it is the one that signs now"})


class PublicKeysSchema(Schema):
    data = fields.List(fields.Nested(PublicKeySchema), required=True)


class TreeHeadSchema(Schema):
    size = fields.Integer(required=True, metadata={"description": "How many transactions are below it"})
    root = fields.String(required=True, metadata=_HASH)
    timestamp = fields.Integer(required=True, metadata={"description": "Milliseconds since 1970"})
    key_id = fields.Integer(required=True)
    signature = fields.String(
        required=True,
        metadata={"description": "Base64, over the TreeHeadSignature of RFC 6962, section 3.5"},
    )


class ConsistencyQuery(Schema):
    first = Text(required=True, metadata={"description": "Size of an earlier head", "example": "1000"})
    second = Text(load_default=None, metadata={"description": "Size of a later one; the newest if left out"})


class ConsistencySchema(Schema):
    first = fields.Nested(TreeHeadSchema, required=True)
    second = fields.Nested(TreeHeadSchema, required=True)
    path = fields.List(fields.String(), required=True, metadata=_PATH)


class PartSchema(Schema):
    form = fields.String(required=True, metadata={"example": "tongdui.leg.1"})
    hash = fields.String(required=True, metadata={"description": "The commitment to this row"})
    salt = fields.String(allow_none=True, metadata={"description": "null for a row that is not shown"})
    values = fields.Dict(
        keys=fields.String(),
        allow_none=True,
        metadata={"description": "The row's columns; null for one that is not shown"},
    )


class TransactionProofSchema(Schema):
    transaction = fields.String(required=True)
    leaf = fields.Integer(required=True, metadata={"description": "Its place in the tree, from 0"})
    leaf_hash = fields.String(required=True, metadata=_HASH)
    parts = fields.List(fields.Nested(PartSchema), required=True)
    path = fields.List(fields.String(), required=True, metadata=_PATH)
    head = fields.Nested(TreeHeadSchema, required=True)
