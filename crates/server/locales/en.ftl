# What people are told by mail. Texts of agents and of approvers come in as variables, made visible.

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
