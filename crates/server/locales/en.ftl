# What people are told by mail and in chats. Texts of agents and of approvers come in as variables, made visible.

subject-asked = Your answer is wanted: { $title }
subject-changed = Changed, so your answer is wanted again: { $title }
subject-ended = { $status ->
    [approved] Approved: { $title }
    [rejected] Rejected: { $title }
    [expired] Expired: { $title }
   *[cancelled] Cancelled: { $title }
}
subject-claimed = The agent has your answer: { $title }
subject-reported = { $status ->
    [succeeded] The agent reports that it ran: { $title }
   *[failed] The agent reports that it failed: { $title }
}
subject-reminder = Still waiting for your answer: { $title }
subject-digest = { $count } more requests wait for you
subject-test = This is how mail from { $workspace } arrives

asked = Somebody wants to do this and asks first. Read what will happen. The buttons open a page where you confirm your choice; nothing is decided before that.
changed = An approver changed what is asked, so earlier approvals do not count any more. Read what will happen now. The buttons open a page where you confirm your choice; nothing is decided before that.
asked-on-page = Somebody wants to do this and asks first. Read what will happen, then answer on its page, after signing in.
changed-on-page = An approver changed what is asked, so earlier approvals do not count any more. Read what will happen now, then answer on its page, after signing in.
reminder = You were asked this and have not answered; soon nobody can any more. Read what will happen. The buttons open a page where you confirm your choice; nothing is decided before that.
reminder-on-page = You were asked this and have not answered; soon nobody can any more. Read what will happen, then answer on its page, after signing in.
digest = You were asked a lot within a few minutes, so these come together. Their names are what the askers call them, not verified. Read what will happen on the page of each before you answer.
digest-until = answer before { $moment }
digest-more = { $more ->
    [one] One more is in your inbox.
   *[other] { $more } more are in your inbox.
}
not-whole = This mail shows only the beginning: { $hidden ->
    [one] one character is missing
   *[other] { $hidden } characters are missing
}. Read all of it on its page before you answer.
deadline = Answer before { $moment }.
ended = { $status ->
    [approved] It is approved. Nobody needs to answer any more.
    [rejected] It is rejected. Nobody needs to answer any more.
    [expired] Nobody decided it in time, so it expired. Nothing was approved.
   *[cancelled] It was withdrawn. Nobody needs to answer any more.
}
ended-by = Decided by { $who }, { $moment }.
comment = What was said with it
claimed = It was approved, and the agent claimed it: { $moment }. From now on it may run, this once.
reported = { $status ->
    [succeeded] It was approved, and the agent reports that it ran: { $moment }.
   *[failed] It was approved, and the agent reports that it failed: { $moment }.
} Nobody else has checked that.
report = In the agent's words, NOT VERIFIED
report-cut = { $hidden ->
    [one] One more character is on its page.
   *[other] { $hidden } more characters are on its page.
}
test = This mail shows that Askfirst reaches you from the workspace { $workspace }. There is nothing to do.

approve = Approve…
reject = Reject…
look = Read it and answer
see = See its page
digest-inbox = Open your inbox

keep = Whoever has this mail can answer in your name. Do not pass it on.
footer = Askfirst at { $server } sent this to { $address }. Answers to this mail are not read.
trial = This comes from a developer's workspace.

chat-asked = Your answer is wanted
chat-changed = An approver changed this, so earlier approvals do not count any more. Your answer is wanted again
chat-reminder = You have not answered this, and soon nobody can any more
chat-not-now = Nothing is wanted of you here now
chat-superseded = This was asked again, in the message behind it. Answer there.
chat-parted = This bot is not used any more. Nothing can be answered here.
chat-unlinked = This account is not linked to Askfirst any more. Nothing can be answered here.
chat-parted-wanted = Your answer is still wanted: give it on the page of the request.
chat-not-whole = Only the beginning is here: { $hidden ->
    [one] one character is missing
   *[other] { $hidden } characters are missing
}. Read all of it before you answer.
chat-on-page = A yes can be given on its page only, after signing in. A no can be given here.
chat-approve = Approve
chat-reject = Reject
chat-approve-saying = Approve, and say…
chat-reject-saying = Reject, and say…
chat-approve-on-page = Approve on its page
chat-ask-back = Ask back…
chat-open = Open all of it
chat-approved-by = Approved by { $who }.
chat-rejected-by = Rejected by { $who }.
chat-more-answers = { $count ->
    [one] One earlier answer.
   *[other] { $count } earlier answers.
}
chat-taken-back = { $who } took the approval back. It cannot be used.
chat-test = It works: Askfirst reaches you here from the workspace { $workspace }. There is nothing to do.

chat-hello = This bot brings requests of Askfirst to whoever decides them. To get yours here, open your profile in Askfirst and link Telegram there.
chat-hello-again = Requests that wait for your answer come here by themselves. There is nothing to do.
chat-found = You are { $name }. Now go back to Askfirst and confirm that this is you. Nothing comes here before that.
chat-code-over = This code is not good any more, or was sent from another account. Ask for a new one in Askfirst.
chat-no-button = This button is not good any more. Open the request in Askfirst instead.
chat-not-yours = Nothing was recorded: only the person to whom this was sent can answer here.
chat-stale = Nothing was recorded: it has changed since you were shown it. Look at it as it is now, then answer.
chat-recorded = { $status ->
    [approved] Recorded, and it is approved.
    [rejected] Recorded, and it is rejected.
   *[pending] Recorded. Others must answer too.
}
chat-ended = { $status ->
    [approved] Nothing was recorded: it is approved already.
    [rejected] Nothing was recorded: it is rejected already.
    [expired] Nothing was recorded: its time is over.
   *[cancelled] Nothing was recorded: it was withdrawn.
}
chat-voted = You have answered this already. One person has one vote, and it stays.
chat-not-approver = Nothing was recorded: you are not one of those who can decide this.
chat-asked-before = Nothing was asked: an earlier question waits for its answer, or there were enough of them.
chat-refused = Nothing was recorded. Open the request in Askfirst and try it there.
chat-say-approve = Write, as an answer to this message, what you want to say with your yes. Nothing is recorded before that.
chat-say-reject = Write, as an answer to this message, why not. Nothing is recorded before that.
chat-say-ask = Write, as an answer to this message, what you want to know. The asker gets it; the deadline stays.
chat-say-here = Your words
chat-asked-back = Your question is on its way to the asker. The answer comes with the request, here.
chat-no-question = Nothing was recorded: it is not clear which request this answers. Use the buttons of a request.
chat-too-long = Nothing was recorded: { $most } characters are the most. Answer the same message again, with fewer.
chat-discovered = The program that asked now knows this chat. It cannot decide anything by that, and neither can you here.
chat-asked-all = An answer is wanted, of whoever decides this
chat-changed-all = An approver changed this, so earlier approvals do not count any more. An answer is wanted again
chat-reminder-all = This is still open, and soon nobody can answer it any more
chat-stranger = Nothing was recorded: this account is not linked. Whoever decides links theirs on their profile in Askfirst.
chat-room-hello = Requests of the workspace { $workspace } come here from now on. Everybody here can read them; whoever decides them, and has linked their account, can answer them.
chat-room-known = Requests come here already. There is nothing to do.
chat-room-parted = Requests do not come here any more. Nothing can be answered here.
chat-room-number = The number of this group is { $chat }. So that requests come here, an owner adds it on the page of channels in Askfirst, or by: askfirst channels rooms add telegram --chat={ $chat }{ $topic }
