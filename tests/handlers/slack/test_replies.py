"""Who asked is answered though Slack does not take the answer at once."""

from tests.handlers.conftest import Scene
from tests.story.colleagues import buttons


async def test_a_decision_is_answered_though_slack_does_not_take_the_answer_at_once(scene: Scene) -> None:
    _, summary = await scene.finished()
    approve = buttons(summary, "approve_checkpoint")[0]
    await scene.form_for("bob", summary, approve)
    await scene.workspace.fault(method="chat.postEphemeral", fault="server_error")
    await scene.workspace.submit("bob", "good enough")
    await scene.workspace.told("bob", "Recorded. Approved so far by <@U0BOB0001>; 1 more approval needed.")
    for kind in ("ratelimited", "drop_before"):
        known = len(await scene.workspace.whispers("dave"))
        await scene.workspace.fault(method="chat.postEphemeral", fault=kind)
        await scene.workspace.click("dave", summary, approve)
        await scene.workspace.told("dave", "@model-approvers", after=known)


async def test_a_command_is_answered_though_its_address_does_not_take_the_answer(scene: Scene) -> None:
    for kind in ("server_error", "drop_before"):
        known = len(await scene.workspace.whispers("dave"))
        await scene.workspace.fault(method="response_url", fault=kind)
        await scene.workspace.type_command("dave", "/rft", "list")
        await scene.workspace.told("dave", "No job yet.", after=known)


async def test_a_failure_of_slack_is_not_called_a_fault_of_mine(scene: Scene) -> None:
    _, summary = await scene.finished()
    await scene.workspace.fault(method="views.open", fault="server_error")
    await scene.workspace.click("bob", summary, buttons(summary, "approve_checkpoint")[0])
    await scene.workspace.told("bob", "Slack failed at what I asked of it. Look whether it is done all the same")
