"""E-mail by SES and by SNS is kept as it was sent, or refused as it would be."""

from __future__ import annotations

import pytest

SENDER = "Caretaker <alerts@example.com>"


@pytest.fixture(autouse=True)
def sender(cloud):
    ses = cloud.client("sesv2")
    if not ses.list_email_identities()["EmailIdentities"]:
        ses.create_email_identity(EmailIdentity="example.com")
    cloud.control("DELETE", "mail")


def letter(**more):
    """What SendEmail is asked for."""
    body = {"Text": {"Data": "All tasks have stopped."}, "Html": {"Data": "<b>All tasks</b>"}}
    return {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["ops@example.com"], "CcAddresses": ["cto@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "[critical] tasks"}, "Body": body}},
        **more,
    }


def test_a_letter_is_kept_as_it_was_sent(cloud):
    sent = cloud.client("sesv2").send_email(**letter(ReplyToAddresses=["team@example.com"]))
    (kept,) = cloud.control("GET", "mail")
    assert (kept["by"], kept["message_id"]) == ("ses", sent["MessageId"])
    assert (kept["from"], kept["to"]) == (SENDER, ["ops@example.com"])
    assert (kept["cc"], kept["reply_to"]) == (["cto@example.com"], ["team@example.com"])
    assert kept["subject"] == "[critical] tasks"
    assert (kept["text"], kept["html"]) == ("All tasks have stopped.", "<b>All tasks</b>")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"FromEmailAddress": "alerts@example.net"}, "MessageRejected"),
        ({"Destination": {"ToAddresses": []}}, "BadRequestException"),
        ({"Destination": {"ToAddresses": ["x@example.com"] * 51}}, "BadRequestException"),
        ({"Content": {}}, "BadRequestException"),
    ],
)
def test_a_letter_that_ses_would_not_send_is_refused(cloud, wish, code):
    ses = cloud.client("sesv2")
    with pytest.raises(ses.exceptions.ClientError) as refused:
        ses.send_email(**letter(**wish))
    assert refused.value.response["Error"]["Code"] == code
    assert cloud.control("GET", "mail") == []


def test_a_topic_reaches_its_e_mail_subscribers(cloud):
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="letters")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@example.com")
    sns.subscribe(
        TopicArn=topic,
        Protocol="email",
        Endpoint="critical@example.com",
        Attributes={"FilterPolicy": '{"severity": ["critical"]}'},
    )
    sns.publish(TopicArn=topic, Subject="A test", Message="It works.")
    (kept,) = cloud.control("GET", "mail")
    assert (kept["by"], kept["to"], kept["topic"]) == ("sns", ["ops@example.com"], topic)
    assert (kept["subject"], kept["text"]) == ("A test", "It works.")


@pytest.mark.parametrize("subject", ["two\nlines", "x" * 100, " begins with a space", "Größe"])
def test_a_subject_that_sns_would_not_take_is_refused(cloud, subject):
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="subjects")["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException, match="Subject"):
        sns.publish(TopicArn=topic, Subject=subject, Message="no")
