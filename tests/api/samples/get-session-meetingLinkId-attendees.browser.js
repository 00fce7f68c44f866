const headers = {
'Accept':'text/plain',
'Authorization':'Bearer {access-token}'
};
fetch('/session/{meetingLinkId}/attendees',
{
method: 'GET',
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
