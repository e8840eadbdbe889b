# Was Menschen per Mail erfahren. Texte von Agenten und Freigebenden kommen sichtbar gemacht herein.

subject-asked = Deine Antwort ist gefragt: { $title }
subject-changed = Geändert, darum ist deine Antwort erneut gefragt: { $title }
subject-ended = { $status ->
    [approved] Freigegeben: { $title }
    [rejected] Abgelehnt: { $title }
    [expired] Abgelaufen: { $title }
   *[cancelled] Zurückgezogen: { $title }
}
subject-claimed = Der Agent hat deine Antwort: { $title }
subject-reported = { $status ->
    [succeeded] Der Agent meldet, dass es ausgeführt ist: { $title }
   *[failed] Der Agent meldet, dass es fehlgeschlagen ist: { $title }
}
subject-reminder = Deine Antwort fehlt noch: { $title }
subject-digest = { $count } weitere Anfragen warten auf dich
subject-test = So kommt Mail aus { $workspace } an

asked = Jemand möchte dies tun und fragt vorher. Lies, was geschehen wird. Die Knöpfe öffnen eine Seite, auf der du deine Wahl bestätigst; vorher ist nichts entschieden.
changed = Eine freigebende Person hat das Gefragte geändert, frühere Freigaben zählen darum nicht mehr. Lies, was jetzt geschehen wird. Die Knöpfe öffnen eine Seite, auf der du deine Wahl bestätigst; vorher ist nichts entschieden.
asked-on-page = Jemand möchte dies tun und fragt vorher. Lies, was geschehen wird, und antworte dann auf der Seite, nachdem du dich angemeldet hast.
changed-on-page = Eine freigebende Person hat das Gefragte geändert, frühere Freigaben zählen darum nicht mehr. Lies, was jetzt geschehen wird, und antworte dann auf der Seite, nachdem du dich angemeldet hast.
reminder = Du wurdest dies gefragt und hast nicht geantwortet; bald kann es niemand mehr. Lies, was geschehen wird. Die Knöpfe öffnen eine Seite, auf der du deine Wahl bestätigst; vorher ist nichts entschieden.
reminder-on-page = Du wurdest dies gefragt und hast nicht geantwortet; bald kann es niemand mehr. Lies, was geschehen wird, und antworte dann auf der Seite, nachdem du dich angemeldet hast.
digest = Du wurdest in wenigen Minuten vieles gefragt, darum kommt dies zusammen. Die Namen sind die, die von den Fragenden kommen, und nicht geprüft. Lies auf der jeweiligen Seite, was geschehen wird, bevor du antwortest.
digest-until = antworte vor { $moment }
digest-more = { $more ->
    [one] Eine weitere ist in deinem Eingang.
   *[other] { $more } weitere sind in deinem Eingang.
}
not-whole = Diese Mail zeigt nur den Anfang: { $hidden ->
    [one] ein Zeichen fehlt
   *[other] { $hidden } Zeichen fehlen
}. Lies alles auf der Seite, bevor du antwortest.
deadline = Antworte vor { $moment }.
ended = { $status ->
    [approved] Es ist freigegeben. Niemand muss mehr antworten.
    [rejected] Es ist abgelehnt. Niemand muss mehr antworten.
    [expired] Niemand hat rechtzeitig entschieden, darum ist es abgelaufen. Nichts wurde freigegeben.
   *[cancelled] Es wurde zurückgezogen. Niemand muss mehr antworten.
}
ended-by = Entschieden von { $who }, { $moment }.
comment = Was dazu gesagt wurde
claimed = Es ist freigegeben, und der Agent hat die Freigabe abgerufen: { $moment }. Von jetzt an darf es geschehen, dieses eine Mal.
reported = { $status ->
    [succeeded] Es wurde freigegeben, und der Agent meldet, dass es ausgeführt ist: { $moment }.
   *[failed] Es wurde freigegeben, und der Agent meldet, dass es fehlgeschlagen ist: { $moment }.
} Niemand sonst hat das geprüft.
report = In den Worten des Agenten, NICHT GEPRÜFT
report-cut = { $hidden ->
    [one] Ein weiteres Zeichen steht auf der Seite.
   *[other] { $hidden } weitere Zeichen stehen auf der Seite.
}
test = Diese Mail zeigt, dass Askfirst dich aus dem Arbeitsbereich { $workspace } erreicht. Es ist nichts zu tun.

approve = Freigeben…
reject = Ablehnen…
look = Lesen und antworten
see = Zur Seite
digest-inbox = Zum Eingang

keep = Wer diese Mail hat, kann in deinem Namen antworten. Gib sie nicht weiter.
footer = Askfirst auf { $server } hat dies an { $address } geschickt. Antworten auf diese Mail werden nicht gelesen.
trial = Dies kommt aus dem Arbeitsbereich einer Entwicklerin oder eines Entwicklers.

chat-asked = Deine Antwort ist gefragt
chat-changed = Das Gefragte wurde geändert, frühere Freigaben zählen darum nicht mehr. Deine Antwort ist erneut gefragt
chat-reminder = Du hast hierauf noch nicht geantwortet; bald kann es niemand mehr
chat-not-now = Von dir wird hier jetzt nichts gebraucht
chat-superseded = Dies wurde noch einmal gefragt, in der Nachricht dahinter. Antworte dort.
chat-parted = Dieser Bot ist nicht mehr in Gebrauch. Hier kann nichts mehr beantwortet werden.
chat-unlinked = Dieses Konto ist nicht mehr mit Askfirst verknüpft. Hier kann nichts mehr beantwortet werden.
chat-parted-wanted = Deine Antwort ist weiter gefragt: Gib sie auf der Seite der Anfrage.
chat-not-whole = Hier steht nur der Anfang: { $hidden ->
    [one] ein Zeichen fehlt
   *[other] { $hidden } Zeichen fehlen
}. Lies alles, bevor du antwortest.
chat-on-page = Freigeben kannst du nur auf der Seite, nachdem du dich angemeldet hast. Ablehnen kannst du hier.
chat-approve = Freigeben
chat-reject = Ablehnen
chat-approve-saying = Freigeben mit Worten…
chat-reject-saying = Ablehnen mit Worten…
chat-approve-on-page = Auf der Seite freigeben
chat-ask-back = Zurückfragen…
chat-open = Alles öffnen
chat-approved-by = Freigegeben von { $who }.
chat-rejected-by = Abgelehnt von { $who }.
chat-more-answers = { $count ->
    [one] Eine frühere Antwort.
   *[other] { $count } frühere Antworten.
}
chat-taken-back = { $who } hat die Freigabe zurückgenommen. Sie kann nicht benutzt werden.
chat-test = Es geht: Askfirst erreicht dich hier aus dem Arbeitsbereich { $workspace }. Es ist nichts zu tun.

chat-hello = Dieser Bot bringt Anfragen von Askfirst zu denen, die entscheiden. Damit deine hier ankommen, öffne dein Profil in Askfirst und verknüpfe dort Telegram.
chat-hello-again = Anfragen, die auf deine Antwort warten, kommen von selbst hierher. Es ist nichts zu tun.
chat-found = Du bist { $name }. Geh jetzt zurück zu Askfirst und bestätige, dass du das bist. Vorher kommt hier nichts an.
chat-code-over = Dieser Code gilt nicht mehr oder kam von einem anderen Konto. Hol dir in Askfirst einen neuen.
chat-no-button = Dieser Knopf gilt nicht mehr. Öffne die Anfrage stattdessen in Askfirst.
chat-not-yours = Nichts wurde festgehalten: Hier kann nur antworten, wem dies geschickt wurde.
chat-stale = Nichts wurde festgehalten: Es hat sich geändert, seit es dir gezeigt wurde. Sieh es dir an, wie es jetzt ist, und antworte dann.
chat-recorded = { $status ->
    [approved] Festgehalten, und es ist freigegeben.
    [rejected] Festgehalten, und es ist abgelehnt.
   *[pending] Festgehalten. Andere müssen auch noch antworten.
}
chat-ended = { $status ->
    [approved] Nichts wurde festgehalten: Es ist schon freigegeben.
    [rejected] Nichts wurde festgehalten: Es ist schon abgelehnt.
    [expired] Nichts wurde festgehalten: Die Zeit dafür ist vorbei.
   *[cancelled] Nichts wurde festgehalten: Es wurde zurückgezogen.
}
chat-voted = Du hast hierauf schon geantwortet. Jede Person hat eine Stimme, und sie bleibt.
chat-not-approver = Nichts wurde festgehalten: Du gehörst nicht zu denen, die dies entscheiden können.
chat-asked-before = Nichts wurde gefragt: Eine frühere Frage wartet noch auf ihre Antwort, oder es waren genug.
chat-refused = Nichts wurde festgehalten. Öffne die Anfrage in Askfirst und versuche es dort.
chat-say-approve = Schreib als Antwort auf diese Nachricht, was du zu deinem Ja sagen willst. Vorher wird nichts festgehalten.
chat-say-reject = Schreib als Antwort auf diese Nachricht, warum nicht. Vorher wird nichts festgehalten.
chat-say-ask = Schreib als Antwort auf diese Nachricht, was du wissen willst. Wer fragt, bekommt es; die Frist bleibt.
chat-say-here = Deine Worte
chat-asked-back = Deine Frage ist unterwegs. Die Antwort kommt mit der Anfrage, hier.
chat-no-question = Nichts wurde festgehalten: Es ist nicht klar, auf welche Anfrage dies antwortet. Benutze die Knöpfe einer Anfrage.
chat-too-long = Nichts wurde festgehalten: { $most } Zeichen sind das meiste. Antworte noch einmal auf dieselbe Nachricht, mit weniger.
chat-discovered = Das Programm, das gefragt hat, kennt jetzt diesen Chat. Entscheiden kann es damit nichts, und du hier auch nicht.
chat-asked-all = Eine Antwort ist gefragt, von denen, die dies entscheiden
chat-changed-all = Das Gefragte wurde geändert, frühere Freigaben zählen darum nicht mehr. Eine Antwort ist erneut gefragt
chat-reminder-all = Dies ist noch offen, und bald kann niemand mehr antworten
chat-stranger = Nichts wurde festgehalten: Dieses Konto ist nicht verknüpft. Wer entscheidet, verknüpft seines im Profil in Askfirst.
chat-room-hello = Anfragen des Arbeitsbereichs { $workspace } kommen ab jetzt hierher. Lesen können sie alle hier; antworten kann, wer sie entscheidet und sein Konto verknüpft hat.
chat-room-known = Anfragen kommen schon hierher. Es ist nichts zu tun.
chat-room-parted = Anfragen kommen nicht mehr hierher. Beantworten lässt sich hier nichts mehr.
chat-room-number = Die Nummer dieser Gruppe ist { $chat }. Damit Anfragen hierher kommen, fügt sie ein Eigentümer auf der Seite der Kanäle in Askfirst hinzu, oder so: askfirst channels rooms add telegram --chat={ $chat }{ $topic }
