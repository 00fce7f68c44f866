const headers = {
'Authorization':'Bearer {access-token}'
};
fetch('/session/{meetingLinkId}/end',
{
method: 'PATCH',
headers: headers
})
.then(function(res) {
return res.json();
}).then(function(body) {
console.log(body);
});
