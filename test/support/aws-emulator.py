"""Starts ministack with three rules of AWS added that it does not keep, and that keys depend on:

- PutSecretValue takes a staging label away from the version that had it, and refuses another text for a version that exists
  (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html);
- a key group holds at most five public keys ("Quotas on key groups", CloudFront Developer Guide).
"""

from ministack.app import main
from ministack.core.responses import error_response_json
from ministack.services import cloudfront, secretsmanager

put_secret_value = secretsmanager._put_secret_value
parse_key_group_config = cloudfront._parse_key_group_config


def put_with_labels_moved(data):
    _, secret = secretsmanager._resolve(data.get("SecretId"))
    version = data.get("ClientRequestToken")
    if secret is not None:
        there = secret["Versions"].get(version)
        if there is not None and there["SecretString"] != data.get("SecretString"):
            return error_response_json("ResourceExistsException", "The version exists with another text.", 400)
    answer = put_secret_value(data)
    if secret is not None:
        for label in data.get("VersionStages", []):
            secretsmanager._remove_stage_everywhere(secret, label, except_version_id=version)
    return answer


def parse_at_most_five_keys(element):
    config, error = parse_key_group_config(element)
    if config is not None and len(config["Items"]) > 5:
        return None, cloudfront._error("TooManyPublicKeysInKeyGroup", "A key group holds at most 5 keys.", 400)
    return config, error


secretsmanager._put_secret_value = put_with_labels_moved
cloudfront._parse_key_group_config = parse_at_most_five_keys

if __name__ == "__main__":
    main()
