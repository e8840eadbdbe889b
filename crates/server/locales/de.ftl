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
