"""Graph through msgraph-sdk: pages, delta, create, references, batch, errors, and a challenge answered on the way."""

import asyncio
import ssl

import httpx
from azure.identity.aio import ClientSecretCredential
from kiota_abstractions.base_request_configuration import RequestConfiguration
from kiota_authentication_azure.azure_identity_authentication_provider import AzureIdentityAuthenticationProvider
from msgraph import GraphServiceClient
from msgraph.generated.groups.groups_request_builder import GroupsRequestBuilder
from msgraph.generated.models.group import Group
from msgraph.generated.models.o_data_errors.o_data_error import ODataError
from msgraph.generated.models.password_profile import PasswordProfile
from msgraph.generated.models.reference_create import ReferenceCreate
from msgraph.generated.models.reference_update import ReferenceUpdate
from msgraph.generated.models.user import User
from msgraph.generated.users.users_request_builder import UsersRequestBuilder
from msgraph.graph_request_adapter import GraphRequestAdapter, options
from msgraph_core import GraphClientFactory
from msgraph_core.requests.batch_request_content import BatchRequestContent
from msgraph_core.requests.batch_request_item import BatchRequestItem
from msgraph_core.tasks.page_iterator import PageIterator

from stage import BASE, CLIENT, GRAPH, SCOPE, SECRET, TENANT, control

USERS = 25


def client(credential):
    # httpx does not read SSL_CERT_FILE by itself any more: the default context of Python does.
    http = httpx.AsyncClient(verify=ssl.create_default_context(), base_url=GRAPH, http2=True)
    http = GraphClientFactory.create_with_default_middleware(client=http, options=options)
    provider = AzureIdentityAuthenticationProvider(credential, scopes=[SCOPE], allowed_hosts=["localhost"])
    adapter = GraphRequestAdapter(provider, client=http)
    adapter.base_url = GRAPH
    return GraphServiceClient(request_adapter=adapter)


def user(alias):
    return User(
        account_enabled=True,
        display_name="User " + alias,
        mail_nickname=alias,
        user_principal_name=alias + "@contoso.example",
        password_profile=PasswordProfile(password="Correct-Horse-1", force_change_password_next_sign_in=True),
    )


async def refused(awaitable, status, code):
    try:
        await awaitable
    except ODataError as error:
        assert (error.response_status_code, error.error.code) == (status, code), error
        assert error.error.inner_error.request_id, error
        return error.error
    raise AssertionError(f"expected {status} {code}")


async def create(graph):
    made = [await graph.users.post(user(f"u{number}")) for number in range(USERS)]
    assert made[0].id and made[0].user_principal_name == "u0@contoso.example", made[0]
    found = await graph.users.by_user_id("u0@contoso.example").get()
    assert found.id == made[0].id and found.display_name == "User u0"
    await graph.users.by_user_id(made[0].id).patch(User(job_title="Cook"))
    assert (await graph.users.by_user_id(made[0].id).get()).job_title == "Cook"
    print("create, read, update: ok")
    return made


async def errors(graph):
    error = await refused(graph.users.post(user("u0")), 400, "Request_BadRequest")
    assert [(detail.code, detail.target) for detail in error.details] == [("ObjectConflict", "userPrincipalName")], error
    await refused(graph.users.by_user_id("ghost@contoso.example").get(), 404, "Request_ResourceNotFound")
    print("errors: ok")


async def pages(graph):
    parameters = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(top=7, select=["id", "displayName"])
    configuration = RequestConfiguration(query_parameters=parameters)
    seen = []
    iterator = PageIterator(await graph.users.get(configuration), graph.request_adapter)
    await iterator.iterate(lambda one: seen.append(one.id) or True)
    assert len(seen) == len(set(seen)) == USERS, len(seen)

    advanced = UsersRequestBuilder.UsersRequestBuilderGetQueryParameters(
        filter="endsWith(userPrincipalName,'4@contoso.example')", count=True, orderby=["displayName"]
    )
    configuration = RequestConfiguration(query_parameters=advanced)
    await refused(graph.users.get(configuration), 400, "Request_UnsupportedQuery")
    configuration.headers.add("ConsistencyLevel", "eventual")
    answer = await graph.users.get(configuration)
    assert [one.user_principal_name[:3] for one in answer.value] == ["u14", "u24", "u4@"], answer.value
    assert answer.odata_count == 3
    print("pages and an advanced query: ok")


async def delta(graph, made):
    builder = graph.users.delta
    answer, seen = await builder.get(), set()
    while True:
        seen.update(one.id for one in answer.value)
        if answer.odata_delta_link:
            break
        answer = await builder.with_url(answer.odata_next_link).get()
    assert seen == {one.id for one in made}, len(seen)
    await graph.users.by_user_id(made[1].id).patch(User(job_title="Waiter"))
    await graph.users.by_user_id(made[2].id).delete()
    answer = await builder.with_url(answer.odata_delta_link).get()
    changed = {one.id: one for one in answer.value}
    assert set(changed) == {made[1].id, made[2].id}, list(changed)
    assert changed[made[1].id].job_title == "Waiter"
    assert changed[made[2].id].additional_data["@removed"]["reason"] == "changed"
    print("delta: ok")


async def references(graph, made):
    group = await graph.groups.post(
        Group(display_name="Kitchen", mail_enabled=False, mail_nickname="kitchen", security_enabled=True)
    )
    link = ReferenceCreate(odata_id=f"{GRAPH}/directoryObjects/{made[0].id}")
    members = graph.groups.by_group_id(group.id).members
    await members.ref.post(link)
    error = await refused(members.ref.post(link), 400, "Request_BadRequest")
    assert "already exist" in error.message, error.message
    several = Group(additional_data={"members@odata.bind": [f"{GRAPH}/directoryObjects/{one.id}" for one in made[3:23]]})
    await graph.groups.by_group_id(group.id).patch(several)
    listed = await members.get()
    assert {one.id for one in listed.value} == {one.id for one in [made[0], *made[3:23]]}
    assert type(listed.value[0]) is User, type(listed.value[0])
    await members.by_directory_object_id(made[0].id).ref.delete()
    await graph.users.by_user_id(made[3].id).manager.ref.put(ReferenceUpdate(odata_id=link.odata_id))
    assert (await graph.users.by_user_id(made[3].id).manager.get()).id == made[0].id
    parameters = GroupsRequestBuilder.GroupsRequestBuilderGetQueryParameters(expand=["members"])
    expanded = await graph.groups.get(RequestConfiguration(query_parameters=parameters))
    assert len(expanded.value[0].members) == 20
    told = (await graph.groups.delta.get()).value[0].additional_data["members@delta"]
    assert {str(one["id"]) for one in told} == {one.id for one in made[3:23]}, told
    print("references: ok")


async def batch(graph, made):
    read = graph.users.by_user_id(made[4].id).to_get_request_information()
    missing = graph.users.by_user_id("ghost@contoso.example").to_get_request_information()
    content = BatchRequestContent()
    content.add_request("read", BatchRequestItem(read, id="read"))
    content.add_request("missing", BatchRequestItem(missing, id="missing"))
    # The client sends the addresses as it has them: absolute.
    assert content.requests["read"].url.startswith("https://"), content.requests["read"].url
    answer = await graph.batch.post(batch_request_content=content)
    assert answer.get_response_by_id("read").status == 200
    # This version of the client drops bodies that are JSON objects, as Graph's are: status and headers are what it shows.
    assert answer.get_response_by_id("read").content_type == "application/json"
    assert answer.get_response_by_id("missing").status == 404

    # Changes with bodies. Dependencies cannot be shown: this version of the client calls them `depends_on`, which Graph does not read.
    change = graph.users.by_user_id(made[4].id).to_patch_request_information(User(job_title="Baker"))
    again = graph.users.to_post_request_information(user("u0"))
    content = BatchRequestContent()
    content.add_request("change", BatchRequestItem(change, id="change"))
    content.add_request("again", BatchRequestItem(again, id="again"))
    answer = await graph.batch.post(batch_request_content=content)
    assert [answer.get_response_by_id(step).status for step in ["change", "again"]] == [204, 400]
    assert (await graph.users.by_user_id(made[4].id).get()).job_title == "Baker"
    print("batch: ok")


async def challenge(graph):
    before = control("GET", "stats")["tokenRequests"]
    control("POST", "challenge", {})
    answer = await graph.users.get()
    assert answer.value
    assert control("GET", "stats")["tokenRequests"] == before + 1, "one new token, with the claims"
    print("challenge: ok")


async def main():
    credential = ClientSecretCredential(TENANT, CLIENT, SECRET, authority=BASE, disable_instance_discovery=True)
    async with credential:
        graph = client(credential)
        made = await create(graph)
        await errors(graph)
        await pages(graph)
        await delta(graph, made)
        await references(graph, made)
        await batch(graph, made)
        await challenge(graph)


asyncio.run(main())
